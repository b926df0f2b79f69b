#pragma once

/// A controller's contract, and what the runtime (client/manager.h) promises in return.
///
/// A reconciler is called with a key, never with an event: it reads what is, does what is missing, and says when
/// to look again. It may be called at any time and any number of times; when nothing is missing it writes
/// nothing. It runs on the runtime's threads (or in a simulation, on the caller's), never twice at once for one
/// key, at the same time for different keys. It owns no queue, no threads, no retries.

#include <chrono>
#include <compare>
#include <functional>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "kube/types.h"

namespace serin::client {

/// What a reconciler is about.
struct Key {
  std::string cluster;  ///< "" where a manager serves one cluster
  kube::NamespacedName name;
  auto operator<=>(const Key&) const = default;

  /// "cluster/namespace/name", without the parts that are empty.
  std::string str() const { return cluster.empty() ? name.str() : cluster + "/" + name.str(); }
};

/// When to look again without a change: after a while, or never. The latest answer for a key counts: a timer
/// of an earlier pass ends when the key runs.
struct Again {
  std::optional<Duration> after;
};

/// How long to wait between tries of a key that fails. A success starts again at `initial`.
struct Backoff {
  Duration initial = std::chrono::milliseconds(5);
  Duration max = std::chrono::seconds(60);
  double factor = 2;

  /// The wait before try number `failures` + 1, for `failures` >= 1.
  Duration after(int failures) const;
};

class Reconciler {
 public:
  virtual ~Reconciler() = default;
  /// An error is tried again with back-off (not before its `retry_after`); one that is `terminal` waits for a
  /// change.
  virtual Result<Again> reconcile(const Key& key) = 0;
};

}  // namespace serin::client

template <>
struct std::hash<serin::client::Key> {
  size_t operator()(const serin::client::Key& key) const noexcept {
    return std::hash<std::string>()(key.cluster) * 131 + std::hash<serin::kube::NamespacedName>()(key.name);
  }
};
