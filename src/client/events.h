#pragma once

/// Writes core/v1 Events about objects. An event that repeats (same object, type, reason and message) counts up
/// the one that is there; an object that makes too many of them is cut off for a while. Recording never fails a
/// pass: what cannot be written is dropped and counted. Safe from any thread.

#include <list>
#include <map>
#include <mutex>
#include <string>

#include "client/client.h"

namespace serin::client {

struct EventOptions {
  size_t remembered = 4096;  ///< events that may be counted up; the least recent is forgotten first
  /// Per object: this many at once, then one per `refill`, as client-go's spam filter has it.
  int burst = 25;
  Duration refill = std::chrono::minutes(5);
};

class EventRecorder {
 public:
  /// `client` and `clock` outlive this. `component` is the event's source, such as "rollout-controller".
  EventRecorder(Client& client, Clock& clock, std::string component, EventOptions options = {});

  /// "ScalingReplicaSet", "Scaled up replica set a to 3".
  void normal(const Object& about, std::string_view reason, std::string_view message);
  void warning(const Object& about, std::string_view reason, std::string_view message);

  /// Events that were cut off or could not be written.
  uint64_t dropped() const;

 private:
  struct Known {
    NamespacedName event;
    int64_t count = 1;
    std::list<std::string>::iterator recency;
  };
  struct Allowance {
    double tokens;
    TimePoint at;
  };
  void record(const Object& about, std::string_view type, std::string_view reason, std::string_view message);
  bool allowed_locked(const std::string& object);
  bool count_up(const std::string& identity, const std::string& now);
  void remember_locked(const std::string& identity, NamespacedName event);

  Client& client_;
  Clock& clock_;
  const std::string component_;
  const EventOptions options_;
  mutable std::mutex mutex_;                     // guards all below
  std::map<std::string, Known> known_;
  std::list<std::string> recency_;               // identities of known_, latest first
  std::map<std::string, Allowance> allowances_;  // by object uid or name
  uint64_t dropped_ = 0;
  uint64_t sequence_ = 0;                        // tells events of one moment apart
};

}  // namespace serin::client
