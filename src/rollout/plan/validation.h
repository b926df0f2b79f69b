#pragma once

/// What keeps a spec from being carried out, with field paths. Pure.

#include <vector>

#include "base/error.h"
#include "rollout/rollout.h"

namespace serin::rollout {

/// Empty for a good spec. Objects that it names are the router's to look at.
std::vector<Cause> validate(const Rollout&);

}  // namespace serin::rollout
