#pragma once

/// A Rollout and its ReplicaSets, read from API objects: values with their defaults in place. Reading never fails
/// and never loses anything: what is wrong with a spec is for `plan/validation.h` to say. Immutable.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "kube/object.h"

namespace serin::rollout {

using kube::NamespacedName;
using kube::Object;

/// One condition on one request header.
struct HeaderMatch {
  std::string header;
  std::string kind;  ///< "exact", "prefix" or "regex"
  std::string value;
  bool operator==(const HeaderMatch&) const = default;
};

/// Requests that match any of `match` go to the canary. Without `match`: the route of that name is taken away.
struct HeaderRoute {
  std::string name;
  std::vector<HeaderMatch> match;
  bool operator==(const HeaderRoute&) const = default;
};

/// How many canary pods there shall be, whatever the weight says.
struct CanaryScale {
  std::optional<int64_t> replicas;
  std::optional<int64_t> weight;  ///< percent of spec.replicas
  bool match_traffic_weight = false;
};

struct Step {
  enum class Kind { kSetWeight, kPause, kSetCanaryScale, kSetHeaderRoute, kUnsupported } kind;
  int64_t weight = 0;                    ///< kSetWeight, percent
  std::optional<Duration> duration;      ///< kPause; none: until promoted
  CanaryScale scale;                     ///< kSetCanaryScale
  HeaderRoute header_route;              ///< kSetHeaderRoute

  /// As Argo Rollouts names steps in events: "setWeight: 5", "pause: 10m".
  std::string describe() const;
  std::string text;  ///< the member's name and, for a pause, its duration as written
};

/// A pause's duration: an integer of seconds, a string of digits (seconds) or a Go duration.
std::optional<Duration> parse_pause(const json::value& duration);

/// A VirtualService the rollout sets weights in, with the routes it may touch (none named: the only one).
struct VirtualServiceRef {
  NamespacedName name;
  std::vector<std::string> routes;
};

struct DestinationRuleRef {
  NamespacedName name;
  std::string stable_subset, canary_subset;
};

struct IstioRouting {
  std::vector<VirtualServiceRef> virtual_services;
  std::optional<DestinationRuleRef> destination_rule;
};

struct CanaryStrategy {
  std::vector<Step> steps;
  std::string canary_service, stable_service;  ///< empty: none
  std::optional<IstioRouting> istio;
  std::vector<std::string> managed_routes;
  json::value max_surge, max_unavailable;  ///< int-or-percent as written; null: the default
  std::optional<Duration> scale_down_delay;
  std::optional<int64_t> scale_down_delay_revision_limit;
  std::optional<Duration> abort_scale_down_delay = std::chrono::seconds(30);  ///< none: never (a written 0)
  bool dynamic_stable_scale = false;
  int64_t min_pods_per_replica_set = 0;

  bool routes_traffic() const { return istio.has_value(); }
};

class Rollout {
 public:
  Rollout() = default;
  explicit Rollout(Object object);

  const Object& object() const { return object_; }
  const json::value& doc() const { return object_.doc(); }
  NamespacedName key() const { return object_.key(); }
  std::string name() const { return std::string(object_.name()); }

  /// What spec.replicas says; 1 where it says nothing.
  int64_t replicas() const { return json::get_int(doc(), 1, "spec", "replicas"); }
  bool has_replicas() const { return json::find(doc(), "spec", "replicas") != nullptr; }
  bool paused() const { return json::get_bool(doc(), false, "spec", "paused"); }
  int64_t min_ready_seconds() const { return json::get_int(doc(), 0, "spec", "minReadySeconds"); }
  int64_t history_limit() const { return json::get_int(doc(), 10, "spec", "revisionHistoryLimit"); }
  Duration progress_deadline() const {
    return std::chrono::seconds(json::get_int(doc(), 600, "spec", "progressDeadlineSeconds"));
  }
  bool progress_deadline_abort() const {
    return json::get_bool(doc(), false, "spec", "progressDeadlineAbort");
  }
  /// spec.template; an empty object where it is missing.
  const json::value& pod_template() const;
  const CanaryStrategy& canary() const { return canary_; }
  /// The steps as they stand in the document; null where there are none.
  const json::value* steps_json() const {
    return json::find(doc(), "spec", "strategy", "canary", "steps");
  }

  // The status as the last pass left it.
  const json::value& status() const;
  std::string current_hash() const { return text("currentPodHash"); }
  std::string stable_hash() const { return text("stableRS"); }
  std::string step_hash() const { return text("currentStepHash"); }
  std::optional<int64_t> step_index() const { return json::as_int(json::find(status(), "currentStepIndex")); }
  bool aborted() const { return json::get_bool(status(), false, "abort"); }
  bool promote_full() const { return json::get_bool(status(), false, "promoteFull"); }
  bool controller_pause() const { return json::get_bool(status(), false, "controllerPause"); }
  const json::array& pause_conditions() const { return json::items(status(), "pauseConditions"); }

 private:
  std::string text(std::string_view field) const { return std::string(json::get_string(status(), field)); }
  Object object_;
  CanaryStrategy canary_;
};

/// A ReplicaSet as the planners look at it.
struct ReplicaSet {
  explicit ReplicaSet(Object object);

  Object object;
  std::string hash;      ///< its own hash label
  int64_t wanted = 0;    ///< spec.replicas
  int64_t created = 0;   ///< status.replicas
  int64_t ready = 0;
  int64_t available = 0;
  int64_t revision = 0;
  std::optional<TimePoint> deadline;  ///< when it goes, where it is on its way out

  std::string name() const { return std::string(object.name()); }
};

}  // namespace serin::rollout
