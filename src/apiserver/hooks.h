#pragma once

/// What the server asks the rest of Serin for: admission, logs. All optional.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "apiserver/auth/user.h"
#include "base/clock.h"
#include "base/error.h"
#include "kube/object.h"
#include "kube/types.h"

namespace serin::apiserver {

/// A write about to be validated and stored.
struct AdmissionRequest {
  enum class Verb { kCreate, kUpdate, kDelete } verb;
  std::string cluster;
  kube::Resource resource;
  std::string subresource;
  json::value& object;      ///< may be changed (not on deletion); defaults are in place
  const kube::Object& old;  ///< the object before; empty on creation
  bool dry_run = false;
  const User& user = *system_user();  ///< who writes
};

/// Decides about writes and completes them, such as by allocating a Service's address. Called from any thread,
/// more than once for one write when writers race; must not wait, and must not write through the API.
class Admission {
 public:
  virtual ~Admission() = default;
  virtual Result<void> admit(AdmissionRequest&) = 0;
};

struct LogOptions {
  std::string container;  ///< empty: the pod's only one
  bool follow = false, previous = false, timestamps = false;
  std::optional<int64_t> tail_lines, limit_bytes;
  std::optional<TimePoint> since;
};

/// Where the lines of a log go. Safe from any thread.
class LogSink {
 public:
  virtual ~LogSink() = default;
  /// False once nobody listens any more: stop.
  virtual bool write(std::string_view text) = 0;
  /// Bytes not yet taken by the reader; a source waits while it is large.
  virtual size_t pending() const = 0;
  virtual void finish() = 0;
};

/// The logs of containers, served as pods/log.
class LogSource {
 public:
  virtual ~LogSource() = default;
  /// Returns at once; lines follow on a thread of the source, which ends with `finish`. An error: nothing is
  /// sent, and the request fails with it.
  virtual Result<void> open(const std::string& cluster, const kube::NamespacedName& pod,
                            const LogOptions& options, std::shared_ptr<LogSink> sink) = 0;
};

}  // namespace serin::apiserver
