#pragma once

/// Whether an application that syncs itself should start an operation now. Pure.

#include <optional>
#include <string>

#include "gitops/application.h"
#include "gitops/comparison.h"

namespace serin::gitops {

struct AutoSync {
  std::optional<json::value> operation;  ///< to start now
  std::optional<Duration> wait;          ///< look again then: a self-heal that must not come yet
  std::string error;                     ///< a SyncError condition
};

/// `comparison` is of the target revision. The status in `app` is of before this pass.
AutoSync auto_sync(const Application& app, const Comparison& comparison, TimePoint now);

/// The wait before the next try of a failed operation that has been tried `retries` + 1 times.
Duration retry_wait(const RetrySpec& retry, int64_t retries);

}  // namespace serin::gitops
