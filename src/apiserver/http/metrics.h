#pragma once

/// Counts what the API is asked, for /metrics in Prometheus' text form. Names and labels of requests are those of
/// kube-apiserver, so that its dashboards work. Safe from any thread.

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "net/http_server.h"

namespace serin::apiserver {

/// What a request is counted under.
struct RequestLabels {
  std::string verb, group, version, resource, subresource, scope;
  auto operator<=>(const RequestLabels&) const = default;
};

/// The state of the server at the moment of asking.
struct ServerGauges {
  uint64_t store_revision = 0;
  bool storage_healthy = true;
};

class Metrics : public std::enable_shared_from_this<Metrics> {
 public:
  explicit Metrics(const Clock& clock) : clock_(clock) {}

  /// A responder that counts its answer: code and time of a plain one; a stream as open until it is finished or dropped.
  std::unique_ptr<net::Responder> watch(std::unique_ptr<net::Responder> responder, RequestLabels labels);

  std::string text(const ServerGauges&) const;

 private:
  class CountingResponder;
  class CountingStream;
  /// Upper bounds of the buckets, in seconds.
  static constexpr std::array<double, 9> kBounds = {0.001, 0.005, 0.025, 0.1, 0.5, 1, 5, 15, 60};
  struct Durations {
    std::array<uint64_t, kBounds.size() + 1> buckets{};  ///< the last: longer
    double sum = 0;
    uint64_t count = 0;
  };
  void answered(const RequestLabels&, int code, TimePoint since);
  void opened(const RequestLabels&, int change);

  const Clock& clock_;
  mutable std::mutex mutex_;
  std::map<std::pair<RequestLabels, int>, uint64_t> totals_;  // guarded by mutex_
  std::map<RequestLabels, Durations> durations_;              // guarded by mutex_
  std::map<RequestLabels, int64_t> streams_;                  // guarded by mutex_
};

}  // namespace serin::apiserver
