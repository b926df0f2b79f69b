#pragma once

/// Runs one step of an application's operation. The operation's whole state is in status.operationState, so that
/// any pass, after a restart too, goes on where the last one stopped.

#include <functional>

#include "gitops/comparison.h"
#include "gitops/sync/execute.h"

namespace serin::gitops {

/// What an operation acts with.
struct OperationContext {
  const Application& app;
  client::Client& cluster;
  Comparer& comparer;
  TimePoint now;
  /// Stores the application's document; called before the first write to the cluster and between waves.
  std::function<Result<void>()> persist;
};

/// Whether `doc` has an operation that is to be started, gone on with or ended.
bool has_operation(const json::value& doc);

/// One step. Changes status.operationState in `doc`, and removes .operation when it is over. The wait until the
/// next step, or nullopt where the operation is over. Errors of persisting only.
Result<std::optional<Duration>> run_operation(json::value& doc, const OperationContext& context, Duration interval);

}  // namespace serin::gitops
