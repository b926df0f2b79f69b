#pragma once

#include <algorithm>

#include "rollout/plan.h"

namespace serin::rollout {

/// The earliest of all moments at which time alone changes something.
inline void look_again_at(Decision& decision, TimePoint at) {
  decision.look_again = decision.look_again ? std::min(*decision.look_again, at) : at;
}

}  // namespace serin::rollout
