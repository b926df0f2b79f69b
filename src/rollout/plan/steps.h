#pragma once

/// What the steps up to an index ask for. Pure. `index` is the step being taken; the number of steps when all are
/// done.

#include <optional>

#include "rollout/rollout.h"

namespace serin::rollout {

using Steps = std::vector<Step>;

/// The nearest setWeight at or before `index`, 0 where there is none; 100 when all steps are done.
int64_t weight_at(const Steps&, int64_t index);
/// The nearest setWeight strictly before `index`, 0 where there is none.
int64_t weight_before(const Steps&, int64_t index);
/// The setCanaryScale in force: the nearest at or before `index`; none after one with matchTrafficWeight and when
/// all steps are done.
std::optional<CanaryScale> canary_scale_at(const Steps&, int64_t index);
/// The header routes that stand at `index`: the last word of all steps up to it on each name, in the order of
/// `managed`. Derived anew each time, so a route that was lost comes back.
std::vector<HeaderRoute> header_routes_at(const Steps&, int64_t index,
                                          const std::vector<std::string>& managed);

}  // namespace serin::rollout
