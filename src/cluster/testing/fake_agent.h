#pragma once

/// A node agent in simulations: makes bound pods Ready after a while, ends those that
/// run to an end, and lets deleted ones go after theirs.

#include <functional>
#include <map>
#include <set>
#include <string>

#include "base/strings.h"
#include "base/time.h"
#include "client/simulation.h"
#include "client/write.h"
#include "kube/resources.h"

namespace serin::cluster {

class FakeAgent final : public client::Actor {
 public:
  FakeAgent(client::Client& api, Clock& clock) : api_(api), clock_(clock) {}

  Duration start_time = std::chrono::seconds(3), stop_time = std::chrono::seconds(5);
  std::set<std::string> broken_images;  ///< pods of these never become Ready
  /// Pods of these images end after a while with this exit code.
  struct Run {
    Duration time;
    int64_t code = 0;
  };
  std::map<std::string, Run> runs;
  std::function<int64_t(const kube::Object& pod)> exit_code;  ///< in place of Run::code, where set
  bool renews = false;  ///< keeps the Lease and the Ready condition of node-1, every 10 s
  bool dead = false;    ///< does nothing

  bool step(Random&) override {
    next_.reset();
    if (dead) return false;
    if (renews && beat()) return true;
    kube::ObjectList pods = api_.list(kube::kPods).value();
    for (const kube::Object& pod : pods.items) {
      if (json::get_string(pod.doc(), "spec", "nodeName").empty()) continue;
      std::string uid(pod.uid());
      if (pod.deleting()) {
        // Finalizers of others may hold the object: the agent's part is done once.
        if (!due(stops_, uid, stop_time) || !stopped_.insert(uid).second) continue;
        std::string_view phase = json::get_string(pod.doc(), "status", "phase");
        if (phase != "Succeeded" && phase != "Failed") end(pod, 143);
        client::DeleteOptions now;
        now.grace_seconds = 0;
        (void)api_.remove(kube::kPods, pod.key(), now);
        return true;
      }
      std::string image(json::get_string(json::items(pod.doc(), "spec", "containers").at(0), "image"));
      std::string_view phase = json::get_string(pod.doc(), "status", "phase");
      if (phase == "Succeeded" || phase == "Failed") continue;
      if (auto run = runs.find(image); run != runs.end() && kube::condition_true(pod, "Ready")) {
        if (!due(ends_, uid, run->second.time)) continue;
        end(pod, exit_code ? exit_code(pod) : run->second.code);
        return true;
      }
      if (kube::condition_true(pod, "Ready") || broken_images.count(image) || !due(starts_, uid, start_time)) continue;
      json::value status = json::object{{"phase", "Running"}, {"podIP", concat("127.11.0.", ++address_)},
                                        {"conditions", json::items(pod.doc(), "status", "conditions")}};
      kube::set_condition(status, "Ready", "True", "", "", clock_.now());
      (void)execute(api_, client::patch_status(kube::kPods, pod.key(), status, "ready"));
      return true;
    }
    return false;
  }
  std::optional<TimePoint> next_due() const override { return next_; }

 private:
  bool beat() {
    if (clock_.now() < next_beat_) {
      next_ = next_beat_;
      return false;
    }
    next_beat_ = clock_.now() + std::chrono::seconds(10);
    json::object spec{{"renewTime", format_micro_time(clock_.now())}};
    kube::NamespacedName name{"kube-node-lease", "node-1"};
    if (!execute(api_, client::merge_patch(kube::kLeases, name, json::object{{"spec", spec}}, "")))
      (void)api_.create(kube::kLeases, kube::Object(json::object{{"metadata", json::object{{"namespace", name.ns}, {"name", name.name}}},
                                                                 {"spec", spec}}));
    kube::Object node = api_.get(kube::kNodes, {"", "node-1"}).value();
    json::value status = json::object{{"conditions", json::items(node.doc(), "status", "conditions")}};
    if (kube::set_condition(status, "Ready", "True", "", "", clock_.now()))
      (void)execute(api_, client::patch_status(kube::kNodes, node.key(), status, "ready"));
    return true;
  }

  void end(const kube::Object& pod, int64_t code) {
    json::object terminated{{"exitCode", code}, {"finishedAt", format_time(clock_.now())}};
    json::value status = json::object{
        {"phase", code == 0 ? "Succeeded" : "Failed"},
        {"containerStatuses", json::array{json::object{{"name", "main"}, {"state", json::object{{"terminated", terminated}}}}}},
        {"conditions", json::items(pod.doc(), "status", "conditions")}};
    kube::set_condition(status, "Ready", "False", "PodCompleted", "", clock_.now());
    (void)execute(api_, client::patch_status(kube::kPods, pod.key(), status, "ended"));
  }

  bool due(std::map<std::string, TimePoint>& times, const std::string& uid, Duration span) {
    TimePoint at = times.try_emplace(uid, clock_.now() + span).first->second;
    if (at <= clock_.now()) return true;
    if (!next_ || at < *next_) next_ = at;
    return false;
  }

  client::Client& api_;
  Clock& clock_;
  std::map<std::string, TimePoint> starts_, stops_, ends_;
  std::set<std::string> stopped_;
  std::optional<TimePoint> next_;
  TimePoint next_beat_{};
  int address_ = 0;
};

}  // namespace serin::cluster
