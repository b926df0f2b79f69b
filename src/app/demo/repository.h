#pragma once

/// The Git repository that the demo syncs from: the manifests of examples/, which this program carries.

#include <string>

#include "base/clock.h"
#include "base/error.h"

namespace serin::app {

/// Makes a repository at `directory` with the folders canary and header, its timed pauses set to `step_pause`, and
/// commits it with the real git. Where it exists already it is made anew. The directory.
Result<std::string> make_demo_repository(const std::string& directory, Duration step_pause);

}  // namespace serin::app
