#pragma once

/// status.currentStepHash, byte for byte as Argo Rollouts computes it, so that a controller that takes over does
/// not send a running release back to its first step.

#include <string>

#include "data/json.h"

namespace serin::rollout {

/// `steps` is spec.strategy.canary.steps, or null where the strategy has none.
std::string step_hash(const json::value* steps);

/// What is hashed: the steps as Go's encoding/json writes the typed list (members in the order of the Go types,
/// unknown members dropped, empty optional ones left out).
std::string steps_as_go(const json::value* steps);

}  // namespace serin::rollout
