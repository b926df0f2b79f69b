#include "rollout/plan/status.h"

#include "base/strings.h"
#include "base/time.h"
#include "kube/selector.h"
#include "rollout/plan/history.h"
#include "rollout/plan/look_again.h"
#include "rollout/plan/replicas.h"

namespace serin::rollout {
namespace {

const json::value* condition(const json::value& status, std::string_view type) {
  for (const json::value& one : json::items(status, "conditions"))
    if (json::get_string(one, "type") == type) return &one;
  return nullptr;
}

std::string_view condition_reason(const json::value& status, std::string_view type) {
  const json::value* found = condition(status, type);
  return found ? json::get_string(*found, "reason") : std::string_view();
}

struct Wish {
  std::string_view type, value, reason;
  std::string message;
};

/// A condition keeps its times and message while status and reason stay. `touch` moves lastUpdateTime anyway.
void put(json::value& status, const Wish& wish, TimePoint now, bool touch = false) {
  json::value& list = json::ensure_object(status, {})["conditions"];
  if (!list.is_array()) list = json::array();
  const std::string time = format_time(now);
  for (json::value& one : list.get_array()) {
    if (json::get_string(one, "type") != wish.type) continue;
    bool same_value = json::get_string(one, "status") == wish.value;
    bool same = same_value && json::get_string(one, "reason") == wish.reason;
    json::object& fields = one.get_object();
    if (!same || touch) fields["lastUpdateTime"] = time;
    if (!same_value) fields["lastTransitionTime"] = time;
    if (same) {
      if (touch) fields["message"] = wish.message;
      return;
    }
    fields["status"] = wish.value;
    fields["reason"] = wish.reason;
    fields["message"] = wish.message;
    return;
  }
  list.get_array().push_back(json::object{{"type", wish.type},
                                          {"status", wish.value},
                                          {"lastUpdateTime", time},
                                          {"lastTransitionTime", time},
                                          {"reason", wish.reason},
                                          {"message", wish.message}});
}

void drop(json::value& status, std::string_view type) {
  json::value* list = json::find(status, "conditions");
  if (!list || !list->is_array()) return;
  json::array& items = list->get_array();
  for (size_t i = items.size(); i-- > 0;)
    if (json::get_string(items[i], "type") == type) items.erase(items.begin() + static_cast<std::ptrdiff_t>(i));
}

std::string_view truth(bool value) { return value ? "True" : "False"; }

bool is_paused(const Situation& s, const json::value& status) {
  return s.rollout.paused() || !json::items(status, "pauseConditions").empty();
}

/// Whether this pass has got further than the last: pods, steps, weights, hashes.
bool has_progressed(const json::value& before, const json::value& after) {
  auto grew = [&](const char* field) { return json::get_int(after, 0, field) > json::get_int(before, 0, field); };
  auto differs = [&](const char* field) {
    const json::value *a = json::find(before, field), *b = json::find(after, field);
    return (a != nullptr) != (b != nullptr) || (a && *a != *b);
  };
  return grew("updatedReplicas") || grew("readyReplicas") || grew("availableReplicas") ||
         json::get_int(after, 0, "replicas") < json::get_int(before, 0, "replicas") ||
         differs("currentStepIndex") || differs("stableRS") || differs("currentPodHash") || differs("canary");
}

/// Time runs against the deadline only while pods or proxies are waited for.
bool deadline_counts(const Situation& s, const json::value& status) {
  if (is_paused(s, status) || s.aborted()) return false;
  if (const Step* step = s.step(); step && step->kind == Step::Kind::kPause && !s.promoted()) return false;
  for (const ReplicaSet* set : s.others)
    if (set->deadline) return false;
  return true;
}

void set_progressing(const Situation& s, json::value& status, bool created, Decision& decision) {
  const json::value& before = s.rollout.status();
  const std::string_view past = condition_reason(before, "Progressing");
  const std::string name = s.newest ? s.newest->name() : concat(s.rollout.name(), "-", s.new_hash);
  auto say = [&](std::string_view value, std::string_view reason, std::string message, bool touch = false) {
    put(status, {"Progressing", value, reason, std::move(message)}, s.now, touch);
  };
  if (json::get_bool(status, false, "abort")) {
    std::string message = concat("Rollout aborted update to revision ", newest_revision(s));
    if (past != "RolloutAborted") decision.notes.push_back({true, "RolloutAborted", message});
    return say("False", "RolloutAborted", std::move(message));
  }
  if (past == "RolloutAborted" && !s.promoted())
    return say("Unknown", "RolloutRetry", "Retrying Rollout after abort");
  if (is_paused(s, status)) return say("Unknown", "RolloutPaused", "Rollout is paused");
  bool done = json::get_string(status, "stableRS") == s.new_hash && s.newest &&
              s.newest->available >= s.rollout.replicas() && s.newest->wanted == s.rollout.replicas();
  if (done) {
    return say("True", "NewReplicaSetAvailable",
               concat("ReplicaSet \"", name, "\" has successfully progressed."));
  }
  if (created) return say("True", "NewReplicaSetCreated", concat("Created new replica set \"", name, "\""));
  if (past == "RolloutPaused") {
    decision.notes.push_back({false, "RolloutResumed", "Rollout is resumed"});
    return say("Unknown", "RolloutResumed", "Rollout is resumed");
  }
  const json::value* last = condition(status, "Progressing");
  if (!last || has_progressed(before, status) || past == "NewReplicaSetAvailable")
    return say("True", "ReplicaSetUpdated", concat("ReplicaSet \"", name, "\" is progressing."), true);
  if (!deadline_counts(s, status) || past == "ProgressDeadlineExceeded") return;
  TimePoint end = parse_time(json::get_string(*last, "lastUpdateTime")).value_or(s.now) +
                  s.rollout.progress_deadline();
  if (s.now < end) return look_again_at(decision, end);
  std::string message = concat("ReplicaSet \"", name, "\" has timed out progressing.");
  decision.notes.push_back({true, "ProgressDeadlineExceeded", message});
  say("False", "ProgressDeadlineExceeded", std::move(message));
  if (s.rollout.progress_deadline_abort() && !s.initial()) {
    json::set(status, {"abort"}, true);
    json::set(status, {"abortedAt"}, json::value(format_time(s.now)));
  }
}

}  // namespace

void count_pods(const Situation& s, json::value& status) {
  auto set = [&](const char* field, int64_t count) {
    // As Go's omitempty: an absent count is 0, and stays absent.
    if (count != 0) json::set(status, {field}, count);
    else json::erase(status, {field});
  };
  set("replicas", s.sum(&ReplicaSet::created));
  set("updatedReplicas", s.newest ? s.newest->created : 0);
  set("readyReplicas", s.sum(&ReplicaSet::ready));
  set("availableReplicas", s.sum(&ReplicaSet::available));
  set("HPAReplicas", s.sum(&ReplicaSet::created));
  auto selector = kube::LabelSelector::from_object(json::find(s.rollout.doc(), "spec", "selector"));
  if (selector) json::set(status, {"selector"}, json::value(selector->str()));
  json::set(status, {"observedGeneration"}, json::value(std::to_string(s.rollout.object().generation())));
}

void set_conditions(const Situation& s, json::value& status, bool created, Decision& decision) {
  drop(status, "InvalidSpec");
  bool available = s.sum(&ReplicaSet::available) >= s.rollout.replicas() - max_unavailable(s.rollout);
  put(status, {"Available", truth(available), "AvailableReason",
               available ? "Rollout has minimum availability" : "Rollout does not have minimum availability"},
      s.now);
  set_progressing(s, status, created, decision);
  put(status, {"Paused", truth(is_paused(s, status)), "RolloutPaused", "Rollout is paused"}, s.now);
  bool completed = json::get_string(status, "stableRS") == s.new_hash;
  if (!completed && condition_reason(status, "Completed") == "RolloutCompleted") {
    const json::value* past = condition(status, "Completed");
    if (json::get_string(*past, "status") == "True")
      decision.notes.push_back({false, "RolloutNotCompleted",
                                concat("Rollout not completed, started update to revision ", newest_revision(s), " (",
                                       s.new_hash, ")")});
  }
  put(status, {"Completed", truth(completed), "RolloutCompleted", "RolloutCompleted"}, s.now);
  set_phase(s, status);
  bool healthy = json::get_string(status, "phase") == "Healthy";
  put(status, {"Healthy", truth(healthy), "RolloutHealthy",
               healthy ? "Rollout is healthy" : "Rollout is not healthy"},
      s.now);
}

void set_invalid(const Situation& s, json::value& status, const std::vector<Cause>& causes) {
  std::string message = concat("The Rollout \"", s.rollout.name(), "\" is invalid: ");
  for (size_t i = 0; i < causes.size(); ++i)
    message += concat(i == 0 ? "" : "; ", causes[i].field, ": ", causes[i].message);
  const json::value* past = condition(status, "InvalidSpec");
  if (past && json::get_string(*past, "message") != message) drop(status, "InvalidSpec");
  put(status, {"InvalidSpec", "True", "InvalidSpec", std::move(message)}, s.now);
  json::set(status, {"observedGeneration"}, json::value(std::to_string(s.rollout.object().generation())));
  set_phase(s, status);
}

void set_phase(const Situation& s, json::value& status) {
  auto say = [&](std::string_view phase, std::string message) {
    json::set(status, {"phase"}, json::value(phase));
    if (message.empty()) json::erase(status, {"message"});
    else json::set(status, {"message"}, json::value(message));
  };
  if (const json::value* invalid = condition(status, "InvalidSpec"))
    return say("Degraded", concat("InvalidSpec: ", json::get_string(*invalid, "message")));
  for (const json::value& one : json::items(status, "conditions"))
    for (std::string_view reason : {"RolloutAborted", "ProgressDeadlineExceeded"})
      if (json::get_string(one, "reason") == reason)
        return say("Degraded", concat(reason, ": ", json::get_string(one, "message")));
  if (s.rollout.paused()) return say("Paused", "manually paused");
  if (const json::array& pauses = json::items(status, "pauseConditions"); !pauses.empty())
    return say("Paused", std::string(json::get_string(pauses[0], "reason")));
  int64_t updated = json::get_int(status, 0, "updatedReplicas");
  int64_t available = s.newest ? s.newest->available : 0;
  if (updated < s.rollout.replicas()) return say("Progressing", "more replicas need to be updated");
  if (available < updated) return say("Progressing", "updated replicas are still becoming available");
  if (!s.rollout.canary().routes_traffic() && json::get_int(status, 0, "replicas") > updated)
    return say("Progressing", "old replicas are pending termination");
  if (json::get_string(status, "stableRS") != s.new_hash)
    return say("Progressing", "waiting for all steps to complete");
  say("Healthy", "");
}

}  // namespace serin::rollout
