#include "rollout/plan/progress.h"

#include "base/strings.h"
#include "base/time.h"
#include "rollout/plan/history.h"
#include "rollout/plan/look_again.h"
#include "rollout/plan/replicas.h"
#include "rollout/plan/step_hash.h"

namespace serin::rollout {
namespace {

constexpr char kPauseReason[] = "CanaryPauseStep";

void set_index(json::value& status, const Situation& s, int64_t index) {
  if (s.steps() == 0) json::erase(status, {"currentStepIndex"});
  else json::set(status, {"currentStepIndex"}, index);
}

void clear_pauses(json::value& status) {
  json::erase(status, {"pauseConditions"});
  json::erase(status, {"controllerPause"});
}

const json::value* step_pause(const json::value& status) {
  for (const json::value& condition : json::items(status, "pauseConditions"))
    if (json::get_string(condition, "reason") == kPauseReason) return &condition;
  return nullptr;
}

/// A pause step. True when it is over.
bool pause_over(const Situation& s, const Step& step, json::value& status, Decision& decision) {
  const json::value* condition = step_pause(status);
  if (!condition) {
    if (s.rollout.controller_pause()) return true;  // somebody has promoted
    json::set(status, {"controllerPause"}, true);
    json::set(status, {"pauseConditions"},
              json::array{json::object{{"reason", kPauseReason}, {"startTime", format_time(s.now)}}});
    decision.notes.push_back({false, "RolloutPaused", concat("Rollout is paused (", kPauseReason, ")")});
    if (step.duration) look_again_at(decision, *parse_time(format_time(s.now)) + *step.duration);
    return false;
  }
  if (!step.duration) return false;
  auto started = parse_time(json::get_string(*condition, "startTime"));
  TimePoint end = started.value_or(s.now) + *step.duration;
  if (s.now >= end) return true;
  look_again_at(decision, end);
  return false;
}

bool step_reached(const Situation& s, const TrafficPlan& traffic, const Step& step) {
  if (!at_wanted_counts(s)) return false;
  switch (step.kind) {
    case Step::Kind::kSetWeight:
    case Step::Kind::kSetHeaderRoute: return !traffic.weighted || traffic.reached();
    case Step::Kind::kSetCanaryScale: return true;
    default: return false;
  }
}

void take_step(const Situation& s, const TrafficPlan& traffic, json::value& status, Decision& decision) {
  const Step& step = *s.step();
  if (step.kind != Step::Kind::kPause && s.rollout.controller_pause()) clear_pauses(status);
  // A pause begins when what the steps before it have asked for is still so; it ends whatever the pods do.
  bool done = step.kind == Step::Kind::kPause ? pause_over(s, step, status, decision)
                                              : step_reached(s, traffic, step);
  if (!done || s.rollout.paused()) return;
  clear_pauses(status);
  set_index(status, s, s.step_index + 1);
  decision.notes.push_back({false, "RolloutStepCompleted",
                            concat("Rollout step ", s.step_index + 1, "/", s.steps(), " completed (",
                                   step.describe(), ")")});
}

/// All steps are done or skipped: may the newest become the stable one?
bool may_promote(const Situation& s, const TrafficPlan& traffic) {
  if (!s.newest || s.newest->available < s.rollout.replicas()) return false;
  if (s.initial() || !s.stable || !traffic.weighted || s.rollout.replicas() == 0) return true;
  return traffic.current.canary_hash == s.new_hash && traffic.current.canary_weight == 100 &&
         traffic.writes.empty() && traffic.confirmation.settled();
}

}  // namespace

bool start_over(const Situation& s, json::value& status) {
  const std::string steps = step_hash(s.rollout.steps_json());
  const std::string before = s.rollout.current_hash();
  bool changed = (!before.empty() && before != s.new_hash) ||
                 (!s.rollout.step_hash().empty() && s.rollout.step_hash() != steps);
  json::set(status, {"currentPodHash"}, json::value(s.new_hash));
  json::set(status, {"currentStepHash"}, json::value(steps));
  if (!changed && !before.empty()) return false;
  clear_pauses(status);
  for (const char* field : {"abort", "abortedAt", "promoteFull"}) json::erase(status, {field});
  set_index(status, s, s.initial() || s.promoted() ? s.steps() : 0);
  return true;
}

void obey_orders(const Situation& s, json::value& status) {
  if (s.rollout.aborted()) {
    if (!s.aborted()) {  // nothing is under way
      json::erase(status, {"abort"});
      json::erase(status, {"abortedAt"});
      return;
    }
    clear_pauses(status);
    json::erase(status, {"promoteFull"});
    set_index(status, s, 0);
    if (!json::find(status, "abortedAt") || json::find(status, "abortedAt")->is_null())
      json::set(status, {"abortedAt"}, json::value(format_time(s.now)));
    return;
  }
  json::erase(status, {"abort"});
  json::erase(status, {"abortedAt"});
  if (s.rollout.promote_full()) {
    clear_pauses(status);
    if (s.promoted()) json::erase(status, {"promoteFull"});
  }
}

void advance(const Situation& s, const TrafficPlan& traffic, json::value& status, Decision& decision) {
  if (s.promoted()) return set_index(status, s, s.steps());
  if (s.aborted()) return;
  if (s.initial() || s.all_steps_done() || s.promoting_fully()) {
    if (!may_promote(s, traffic)) return;
    set_index(status, s, s.steps());
    json::set(status, {"stableRS"}, json::value(s.new_hash));
    json::erase(status, {"promoteFull"});
    clear_pauses(status);
    std::string how = s.initial()             ? "Initial deploy"
                      : s.promoting_fully()   ? "Full promotion requested"
                      : s.steps() == 0        ? "Completed without steps"
                                              : concat("Completed all ", s.steps(), " canary steps");
    decision.notes.push_back({false, "RolloutCompleted",
                              concat("Rollout completed update to revision ", newest_revision(s), " (", s.new_hash,
                                     "): ", how)});
    return;
  }
  take_step(s, traffic, status, decision);
}

}  // namespace serin::rollout
