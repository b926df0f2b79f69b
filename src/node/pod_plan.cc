#include "node/pod_plan.h"

#include <algorithm>

#include "base/strings.h"
#include "base/time.h"
#include "node/pod_view.h"

namespace serin::node {
namespace {

using namespace std::chrono_literals;

constexpr Duration kFirstBackoff = 10s, kMaxBackoff = 300s, kGoodRun = 10min;
/// What preStop may overrun the grace period by, as Kubernetes has it.
constexpr Duration kOverrun = 2s;
constexpr int64_t kDefaultGraceSeconds = 30;

bool good_run(const ContainerRecord& record) { return record.finished_at - record.started_at >= kGoodRun; }

class Planner {
 public:
  Planner(const PodObserved& observed, TimePoint now) : observed_(observed), view_(observed), now_(now) {}

  PodPlan plan() {
    if (observed_.pod.deleting()) {
      end_pod();
    } else {
      std::string_view phase = json::get_string(observed_.pod.doc(), "status", "phase");
      if (phase != "Succeeded" && phase != "Failed") live();
    }
    plan_.status = pod_status(observed_, view_, now_);
    add_blockers();
    return std::move(plan_);
  }

 private:
  void look_at(TimePoint when) { plan_.look_again = plan_.look_again ? std::min(*plan_.look_again, when) : when; }

  void start(const ContainerView& view, int attempt, int64_t crashes) {
    if (view.problem != nullptr && view.problem->retry_at > now_) return look_at(view.problem->retry_at);
    plan_.actions.push_back({PodAction::Kind::kStart, {view_.uid, view.name, attempt}, {}, crashes, ""});
  }

  void start_again(const ContainerView& view) {
    TimePoint at = restart_at(*view.latest);
    if (at > now_) return look_at(at);
    start(view, view.latest->id.attempt + 1, crashes_after(*view.latest));
  }

  void live() {
    if (view_.init_failed()) return;
    if (view_.finished()) {
      end_sidecars(now_ + pod_grace());
      return;
    }
    if (!live_init()) return;
    for (const ContainerView& view : view_.main) keep(view);
  }

  /// True where the main containers may run.
  bool live_init() {
    bool begun = view_.main_begun();
    for (const ContainerView& view : view_.init) {
      if (!view.sidecar && (begun || view.succeeded())) continue;
      if (!view.sidecar && view.running()) return false;
      keep(view);
      if (!begun && !(view.sidecar && view.started())) return false;
    }
    return true;
  }

  /// One container that should run: started, started again, or ended because it is unhealthy.
  void keep(const ContainerView& view) {
    if (view.latest == nullptr) return start(view, 0, 0);
    if (view.exited()) {
      if (view.restarts(view_.restart_policy)) start_again(view);
      return;
    }
    if (view.health == nullptr || !view.health->unhealthy) return;
    Duration grace = view.health->termination_grace.value_or(pod_grace());
    end_container(view, view.ending != nullptr ? view.ending->since + view.ending->grace : now_ + grace, true,
                  concat("Container ", view.name, " failed ", view.health->unhealthy_message,
                         ", will be restarted"));
  }

  Duration pod_grace() const {
    return std::chrono::seconds(
        json::get_int(observed_.pod.doc(), kDefaultGraceSeconds, "spec", "terminationGracePeriodSeconds"));
  }

  /// Brings a running container to its end by `deadline`. `drained`: nothing but its own hook holds it up.
  void end_container(const ContainerView& view, TimePoint deadline, bool drained, std::string why) {
    if (view.ending == nullptr) {
      Duration grace = std::max(Duration(0), deadline - now_);
      plan_.actions.push_back({PodAction::Kind::kBeginEnd, view.latest->id, grace, 0, std::move(why)});
      return;
    }
    bool late = now_ >= deadline;
    if (!late && (!view.ending->pre_stop_done || !drained)) return look_at(deadline);
    // A hook that used up the grace leaves the program a moment to end by itself.
    bool hook_overran = late && !view.ending->pre_stop_done;
    TimePoint kill_at = std::max(deadline, hook_overran ? now_ + kOverrun : now_);
    if (view.ending->kill_at && *view.ending->kill_at <= kill_at) return look_at(*view.ending->kill_at + 1s);
    plan_.actions.push_back({PodAction::Kind::kStop, view.latest->id, kill_at - now_, 0, std::move(why)});
  }

  /// Sidecars from the last to the first, one after the other. True once none runs.
  bool end_sidecars(TimePoint deadline) {
    for (auto view = view_.init.rbegin(); view != view_.init.rend(); ++view) {
      if (!view->running()) continue;
      end_container(*view, deadline, true, concat("Stopping container ", view->name));
      return false;
    }
    return true;
  }

  void end_pod() {
    TimePoint deadline = observed_.pod.deletion_time().value_or(now_);
    auto grace = std::chrono::seconds(
        json::get_int(observed_.pod.doc(), kDefaultGraceSeconds, "metadata", "deletionGracePeriodSeconds"));
    TimePoint drain_until = deadline - grace + std::min<Duration>(kMaxDrain, Duration(grace) / 2);
    bool drained = !observed_.endpoint || observed_.pod.annotation(kDrainAnnotation) == "strict" ||
                   kube::condition_true(observed_.pod, kDrainedCondition) || now_ >= drain_until;
    bool main_running = false;
    for (const ContainerView& view : view_.init) {
      if (!view.running() || view.sidecar) continue;
      main_running = true;
      end_container(view, deadline, true, concat("Stopping container ", view.name));
    }
    for (const ContainerView& view : view_.main) {
      if (!view.running()) continue;
      main_running = true;
      end_container(view, deadline, drained, concat("Stopping container ", view.name));
    }
    if (main_running) {
      if (!drained) {
        look_at(drain_until);
        plan_.blockers.push_back({"Draining", "waits until no proxy sends requests to it any more",
                                  observed_.pod.describe(), deadline - grace,
                                  concat("at the latest after ", format_duration(drain_until - (deadline - grace)))});
      }
      return;
    }
    if (!end_sidecars(deadline)) return;
    plan_.actions.push_back({PodAction::Kind::kFinish, {}, {}, 0, ""});
  }

  void add_blockers() {
    if (observed_.pod.deleting()) return;
    for (const json::value& status : json::items(plan_.status, "containerStatuses")) {
      std::string_view reason = json::get_string(status, "state", "waiting", "reason");
      if (reason.empty() || reason == "ContainerCreating" || reason == "PodInitializing") continue;
      plan_.blockers.push_back({reason == "ErrImageNeverPull" ? "ImageNotMapped" : std::string(reason),
                                std::string(json::get_string(status, "state", "waiting", "message")),
                                observed_.pod.describe(), std::nullopt, ""});
    }
    kube::Object with_status = observed_.pod.edit([&](json::value& doc) { json::set(doc, {"status"}, plan_.status); });
    const json::value* ready = kube::find_condition(with_status, "Ready");
    if (ready == nullptr || json::get_string(*ready, "status") == "True" || !plan_.blockers.empty()) return;
    plan_.blockers.push_back({"PodNotReady", std::string(json::get_string(*ready, "message")),
                              observed_.pod.describe(), parse_time(json::get_string(*ready, "lastTransitionTime")), ""});
  }

  const PodObserved& observed_;
  PodView view_;
  TimePoint now_;
  PodPlan plan_;
};

}  // namespace

TimePoint restart_at(const ContainerRecord& ended) {
  if (ended.crashes == 0 || good_run(ended)) return ended.finished_at;
  Duration wait = kFirstBackoff;
  for (int64_t i = 1; i < ended.crashes && wait < kMaxBackoff; ++i) wait *= 2;
  return ended.finished_at + std::min(wait, kMaxBackoff);
}

int64_t crashes_after(const ContainerRecord& ended) { return good_run(ended) ? 1 : ended.crashes + 1; }

PodPlan plan_pod(const PodObserved& observed, TimePoint now) { return Planner(observed, now).plan(); }

}  // namespace serin::node
