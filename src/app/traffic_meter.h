#pragma once

/// A constant-rate HTTP client that counts what it gets: the ledger behind "no lost request". Requests leave on a
/// fixed schedule whether or not earlier ones were answered, none is ever retried, and every one that was sent is
/// counted as answered or failed. To loopback addresses only.

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace serin::app {

struct TrafficOptions {
  std::string host;  ///< a loopback address
  uint16_t port = 0;
  std::string path = "/";
  std::map<std::string, std::string> headers;
  int requests_per_second = 200;
  int connections = 16;  ///< requests under way at once, at the most
  Duration timeout = std::chrono::seconds(5);
};

/// What happened between two cuts.
struct TrafficCount {
  int64_t sent = 0, answered = 0, failed = 0;  ///< failed: no answer, or a status that is not 2xx
  std::map<std::string, int64_t> by_version;   ///< what the classifier said of each answer
  std::vector<std::string> errors;             ///< the first few, with their time

  double share(const std::string& version) const;
  TrafficCount& operator+=(const TrafficCount& other);
};

class TrafficMeter {
 public:
  /// From an answer's body to the name it is counted under.
  using Classifier = std::function<std::string(const std::string& body)>;

  /// Starts sending. kInvalid for an address that is not loopback.
  static Result<std::unique_ptr<TrafficMeter>> start(TrafficOptions options, Classifier classify, Clock& clock);
  ~TrafficMeter();

  /// The counts since the last cut.
  TrafficCount cut();
  /// Waits for what is under way, then the counts of everything since the start.
  TrafficCount stop();

 private:
  TrafficMeter(TrafficOptions options, Classifier classify, Clock& clock);
  void send_until_stopped(int lane);

  TrafficOptions options_;
  Classifier classify_;
  Clock& clock_;
  TimePoint begin_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;        // guarded by mutex_
  TrafficCount window_, total_;  // guarded by mutex_; total_ without window_
  std::vector<std::thread> lanes_;
};

/// The bounds around an expected share within which a fair split of `count` requests stays: 4 standard deviations.
bool within_four_sigma(double measured, double expected, int64_t count);

}  // namespace serin::app
