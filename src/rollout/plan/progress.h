#pragma once

/// The step machine: what the status says about steps, pauses, abort and promotion after this pass. Pure; at most
/// one step is taken.

#include "rollout/plan.h"
#include "rollout/plan/situation.h"
#include "rollout/plan/traffic.h"

namespace serin::rollout {

/// A new template or new steps: the release starts again at its first step (or is done at once where the
/// template is the stable one). True where it did; such a pass does nothing else.
bool start_over(const Situation&, json::value& status);

/// Carries out abort, retry and promotion orders that a client has written into the status.
void obey_orders(const Situation&, json::value& status);

/// Completes the step being taken, starts or ends its pause, and makes the newest template the stable one when
/// all is done.
void advance(const Situation&, const TrafficPlan&, json::value& status, Decision& decision);

}  // namespace serin::rollout
