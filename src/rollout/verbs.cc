#include "rollout/verbs.h"

#include <algorithm>

#include "base/strings.h"
#include "kube/resources.h"
#include "rollout/names.h"

namespace serin::rollout {
namespace {

client::Write status(const Rollout& rollout, json::object fields, std::string why) {
  return client::patch_status(kube::kRollouts, rollout.key(), std::move(fields), std::move(why));
}

client::Write set_paused(const Rollout& rollout, bool paused) {
  json::value body = json::object();
  json::set(body, {"spec", "paused"}, paused);
  return client::merge_patch(kube::kRollouts, rollout.key(), std::move(body), paused ? "pause" : "resume");
}

bool under_way(const Rollout& rollout) {
  return !rollout.stable_hash().empty() && rollout.stable_hash() != rollout.current_hash();
}

tl::unexpected<Error> refuse(const Rollout& rollout, std::string_view why) {
  return fail(Code::kInvalid, concat("Rollout ", rollout.key().str(), " ", why));
}

}  // namespace

Result<Writes> promote(const Rollout& rollout) {
  Writes writes;
  if (rollout.paused()) writes.push_back(set_paused(rollout, false));
  if (!rollout.pause_conditions().empty()) {
    writes.push_back(status(rollout, {{"pauseConditions", nullptr}}, "promote"));
    return writes;
  }
  if (!writes.empty()) return writes;
  if (rollout.aborted()) return refuse(rollout, "was aborted: retry it or give it a new template");
  if (!under_way(rollout)) return refuse(rollout, "has nothing to promote: its newest template is the stable one");
  int64_t steps = static_cast<int64_t>(rollout.canary().steps.size());
  int64_t index = rollout.step_index().value_or(0);
  if (index >= steps) return refuse(rollout, "has no step left to skip");
  writes.push_back(status(rollout, {{"pauseConditions", nullptr}, {"currentStepIndex", index + 1}}, "skip a step"));
  return writes;
}

Result<Writes> promote_full(const Rollout& rollout) {
  Writes writes;
  if (rollout.paused()) writes.push_back(set_paused(rollout, false));
  if (under_way(rollout)) {
    if (rollout.aborted()) return refuse(rollout, "was aborted: retry it first");
    writes.push_back(status(rollout, {{"promoteFull", true}}, "promote fully"));
  }
  if (writes.empty()) return refuse(rollout, "has nothing to promote: its newest template is the stable one");
  return writes;
}

Result<Writes> abort(const Rollout& rollout) {
  if (!under_way(rollout)) return refuse(rollout, "has no release under way to abort");
  if (rollout.aborted()) return Writes{};
  return Writes{status(rollout, {{"abort", true}}, "abort")};
}

Result<Writes> retry(const Rollout& rollout) {
  if (!rollout.aborted()) return refuse(rollout, "is not aborted: there is nothing to retry");
  return Writes{status(rollout, {{"abort", false}}, "retry")};
}

Result<Writes> pause(const Rollout& rollout) {
  return rollout.paused() ? Writes{} : Writes{set_paused(rollout, true)};
}

Result<Writes> resume(const Rollout& rollout) {
  return rollout.paused() ? Writes{set_paused(rollout, false)} : Writes{};
}

Result<Writes> undo(const Rollout& rollout, const std::vector<ReplicaSet>& sets, int64_t revision) {
  std::vector<const ReplicaSet*> by_revision;
  for (const ReplicaSet& set : sets)
    if (set.revision > 0) by_revision.push_back(&set);
  std::sort(by_revision.begin(), by_revision.end(),
            [](const ReplicaSet* a, const ReplicaSet* b) { return a->revision > b->revision; });
  const ReplicaSet* target = nullptr;
  if (revision == 0) {
    if (by_revision.size() < 2) return refuse(rollout, "has no earlier revision");
    target = by_revision[1];
  } else {
    for (const ReplicaSet* set : by_revision)
      if (set->revision == revision) target = set;
    if (!target) return refuse(rollout, concat("has no revision ", revision));
  }
  const json::value* found = json::find(target->object.doc(), "spec", "template");
  if (!found) return refuse(rollout, concat("has no template for revision ", target->revision));
  json::value pod_template = *found;
  json::erase(pod_template, {"metadata", "labels", kHashLabel});
  json::array patch{json::object{{"op", "replace"}, {"path", "/spec/template"}, {"value", std::move(pod_template)}}};
  return Writes{client::json_patch(kube::kRollouts, rollout.key(), std::move(patch),
                                   concat("back to revision ", target->revision))};
}

}  // namespace serin::rollout
