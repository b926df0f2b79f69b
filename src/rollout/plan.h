#pragma once

/// The decision about one Rollout: pure, from what was observed at one moment. The rules are those of Argo
/// Rollouts (docs/spec/rollout.md) but for the order in which traffic moves (docs/design/traffic-order.md).
///
/// One pass does one safe thing and takes at most one step; what it wrote brings the next pass. Called again on
/// what its own writes have made, it asks for none of them a second time.

#include <string>
#include <vector>

#include "client/write.h"
#include "kube/blocker.h"
#include "rollout/observed.h"

namespace serin::rollout {

/// An Event to record about the Rollout once the writes are done.
struct Note {
  bool warning = false;
  std::string reason;   ///< "RolloutStepCompleted"
  std::string message;
};

struct Decision {
  std::vector<client::Write> writes;      ///< in order; the first that fails ends the pass
  json::value status;                     ///< the whole status that the Rollout shall have
  std::optional<TimePoint> look_again;    ///< when time alone changes something
  std::vector<kube::Blocker> blockers;    ///< why the release is not further; empty when it is done
  std::vector<Note> notes;
};

Decision plan(const Observed&, TimePoint now);

/// The planner run again, for a person: with the pods in `observed`, the ones that keep it waiting are named.
std::vector<kube::Blocker> why(const Observed&, TimePoint now);

}  // namespace serin::rollout
