#pragma once

/// A node agent in simulations: makes bound pods Ready after a while and lets deleted ones go after theirs.

#include <map>
#include <set>
#include <string>

#include "base/strings.h"
#include "client/simulation.h"
#include "client/write.h"
#include "kube/resources.h"

namespace serin::cluster {

class FakeAgent final : public client::Actor {
 public:
  FakeAgent(client::Client& api, Clock& clock) : api_(api), clock_(clock) {}

  Duration start_time = std::chrono::seconds(3), stop_time = std::chrono::seconds(5);
  std::set<std::string> broken_images;  ///< pods of these never become Ready

  bool step(Random&) override {
    next_.reset();
    kube::ObjectList pods = api_.list(kube::kPods).value();
    for (const kube::Object& pod : pods.items) {
      if (json::get_string(pod.doc(), "spec", "nodeName").empty()) continue;
      std::string uid(pod.uid());
      if (pod.deleting()) {
        if (!due(stops_, uid, stop_time)) continue;
        client::DeleteOptions now;
        now.grace_seconds = 0;
        (void)api_.remove(kube::kPods, pod.key(), now);
        return true;
      }
      std::string image(json::get_string(json::items(pod.doc(), "spec", "containers").at(0), "image"));
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
  bool due(std::map<std::string, TimePoint>& times, const std::string& uid, Duration span) {
    TimePoint at = times.try_emplace(uid, clock_.now() + span).first->second;
    if (at <= clock_.now()) return true;
    if (!next_ || at < *next_) next_ = at;
    return false;
  }

  client::Client& api_;
  Clock& clock_;
  std::map<std::string, TimePoint> starts_, stops_;
  std::optional<TimePoint> next_;
  int address_ = 0;
};

}  // namespace serin::cluster
