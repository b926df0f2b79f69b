#pragma once

/// What a person tells a release, as the writes that say it. Pure, and the same requests that the clients of Argo
/// Rollouts send. An order that makes no sense now is kInvalid with a sentence that says why.

#include <vector>

#include "client/write.h"
#include "rollout/observed.h"

namespace serin::rollout {

using Writes = std::vector<client::Write>;

/// On to the next step: ends a pause, or skips the step being taken.
Result<Writes> promote(const Rollout&);
/// Skips all steps: the new template becomes stable as soon as its pods can take all traffic.
Result<Writes> promote_full(const Rollout&);
/// All traffic back to the stable template.
Result<Writes> abort(const Rollout&);
/// An aborted release starts again at its first step.
Result<Writes> retry(const Rollout&);
/// Nothing is scaled and no step completes until resumed.
Result<Writes> pause(const Rollout&);
Result<Writes> resume(const Rollout&);
/// Puts an earlier template back into the spec: that of `revision`, or of the second highest where it is 0.
Result<Writes> undo(const Rollout&, const std::vector<ReplicaSet>&, int64_t revision = 0);

}  // namespace serin::rollout
