#pragma once

/// Who has acknowledged what: for an object at a generation, how many connected proxies subscribe to resources that
/// carry it, how many run them, who rejected them. Fed by the xDS server, read by the status writer. Thread safe.

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "mesh/xds/delta_session.h"

namespace serin::mesh {

struct Acknowledgement {
  int subscribed = 0;  ///< connected proxies that carry the object
  int acked = 0;
  std::vector<std::string> lagging;    ///< proxies that have not answered, by name
  std::vector<std::string> rejections; ///< "proxy: Envoy's text"
  TimePoint since;                     ///< when this generation was translated
  TimePoint settled;                   ///< proxies of an earlier server may still be on their way back before this
};

class AckTable {
 public:
  /// Called without a lock, on the thread that reported, with every object whose answer may have changed.
  using Listener = std::function<void(const std::set<SourceRef>&)>;

  /// For `settle` after its making the table says that proxies may be missing (`Acknowledgement::settled`).
  explicit AckTable(Clock& clock, Duration settle = {}) : clock_(clock), settled_(clock.now() + settle) {}
  void on_change(Listener listener);

  /// The objects that the current resources were made from.
  void set_translated(const std::set<SourceRef>& sources);
  /// What has changed for a proxy since its last report. An object it does not subscribe to is forgotten.
  void report(const std::string& proxy, const std::map<SourceRef, Progress>& changed);
  void disconnect(const std::string& proxy);

  /// nullopt while this generation has not been translated.
  std::optional<Acknowledgement> of(const SourceRef& source) const;
  size_t proxies() const;

 private:
  void notify(const std::set<SourceRef>& changed);

  Clock& clock_;
  const TimePoint settled_;
  mutable std::mutex mutex_;
  std::map<SourceRef, TimePoint> translated_;                        // guarded by mutex_
  std::map<std::string, std::map<SourceRef, Progress>> by_proxy_;    // guarded by mutex_
  std::vector<Listener> listeners_;                                  // guarded by mutex_
};

}  // namespace serin::mesh
