#include "client/events.h"

#include <algorithm>
#include <cstdio>

#include "base/strings.h"
#include "base/time.h"
#include "kube/resources.h"

namespace serin::client {
namespace {

constexpr size_t kLongestMessage = 1024;
constexpr size_t kMostObjects = 10'000;  // allowances kept before all are renewed

std::string hex(uint64_t number) {
  char text[17];
  std::snprintf(text, sizeof text, "%llx", static_cast<unsigned long long>(number));
  return text;
}

}  // namespace

EventRecorder::EventRecorder(Client& client, Clock& clock, std::string component, EventOptions options)
    : client_(client), clock_(clock), component_(std::move(component)), options_(options) {}

void EventRecorder::normal(const Object& about, std::string_view reason, std::string_view message) {
  record(about, "Normal", reason, message);
}

void EventRecorder::warning(const Object& about, std::string_view reason, std::string_view message) {
  record(about, "Warning", reason, message);
}

uint64_t EventRecorder::dropped() const {
  std::lock_guard lock(mutex_);
  return dropped_;
}

bool EventRecorder::allowed_locked(const std::string& object) {
  if (allowances_.size() > kMostObjects) allowances_.clear();
  TimePoint now = clock_.now();
  Allowance& allowance =
      allowances_.try_emplace(object, Allowance{static_cast<double>(options_.burst), now}).first->second;
  double refilled = std::chrono::duration<double>(now - allowance.at) / std::chrono::duration<double>(options_.refill);
  allowance.tokens = std::min<double>(options_.burst, allowance.tokens + refilled);
  allowance.at = now;
  if (allowance.tokens < 1) return false;
  allowance.tokens -= 1;
  return true;
}

bool EventRecorder::count_up(const std::string& identity, const std::string& now) {
  NamespacedName event;
  int64_t count;
  {
    std::lock_guard lock(mutex_);
    auto known = known_.find(identity);
    if (known == known_.end()) return false;
    event = known->second.event;
    count = ++known->second.count;
    recency_.splice(recency_.begin(), recency_, known->second.recency);
  }
  Patch patch{Patch::Type::kMerge, json::object{{"count", count}, {"lastTimestamp", now}}};
  return client_.patch(kube::kEvents, event, patch).has_value();
}

void EventRecorder::remember_locked(const std::string& identity, NamespacedName event) {
  if (auto known = known_.find(identity); known != known_.end()) {
    known->second.event = std::move(event);
    known->second.count = 1;
    return;
  }
  if (known_.size() >= options_.remembered) {
    known_.erase(recency_.back());
    recency_.pop_back();
  }
  recency_.push_front(identity);
  known_[identity] = Known{std::move(event), 1, recency_.begin()};
}

void EventRecorder::record(const Object& about, std::string_view type, std::string_view reason,
                           std::string_view message) {
  std::string text(message.substr(0, kLongestMessage));
  std::string object = concat(about.kind(), "/", about.ns(), "/", about.name(), "/", about.uid());
  std::string identity = concat(object, "|", type, "|", reason, "|", text);
  TimePoint time = clock_.now();
  std::string now = format_time(time);
  uint64_t sequence;
  {
    std::lock_guard lock(mutex_);
    if (!allowed_locked(object)) {
      ++dropped_;
      return;
    }
    sequence = sequence_++;
  }
  if (count_up(identity, now)) return;
  // Cluster-scoped objects have their events in "default", as client-go has it.
  std::string ns(about.ns().empty() ? "default" : about.ns());
  json::object involved = kube::object_reference(about).get_object();
  involved["resourceVersion"] = about.version().str();
  std::string stamp = hex(static_cast<uint64_t>(time.time_since_epoch().count()) + sequence % 1000);
  Object event(json::object{{"apiVersion", "v1"},
                            {"kind", "Event"},
                            {"metadata", json::object{{"namespace", ns}, {"name", concat(about.name(), ".", stamp)}}},
                            {"involvedObject", std::move(involved)},
                            {"type", type},
                            {"reason", reason},
                            {"message", text},
                            {"source", json::object{{"component", component_}}},
                            {"reportingComponent", component_},
                            {"reportingInstance", component_},
                            {"firstTimestamp", now},
                            {"lastTimestamp", now},
                            {"count", 1}});
  Result<Object> created = client_.create(kube::kEvents, event);
  std::lock_guard lock(mutex_);
  if (created)
    remember_locked(identity, created->key());
  else
    ++dropped_;
}

}  // namespace serin::client
