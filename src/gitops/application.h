#pragma once

/// A typed view of argoproj.io/v1alpha1 Application, and of the operation in it. Reading only; docs/spec/application.md
/// says what the fields do here.

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "gitops/source/repository.h"
#include "gitops/sync/plan.h"
#include "kube/object.h"

namespace serin::gitops {

inline constexpr std::string_view kResourcesFinalizer = "resources-finalizer.argocd.argoproj.io";
inline constexpr std::string_view kRefreshAnnotation = "argocd.argoproj.io/refresh";
inline constexpr std::string_view kSkipReconcileAnnotation = "argocd.argoproj.io/skip-reconcile";

struct SourceSpec {
  std::string repo_url, path, revision;  ///< revision "" is HEAD
  source::Selection selection;
  json::value json;  ///< as it stands in the spec
};

struct RetrySpec {
  int64_t limit = 0;  ///< < 0: for ever
  Duration base = std::chrono::seconds(5);
  int64_t factor = 2;
  Duration max = std::chrono::minutes(3);
};

/// spec.syncPolicy.automated, where it is on.
struct Automation {
  bool prune = false, self_heal = false, allow_empty = false;
};

struct Application {
  kube::Object object;
  SourceSpec source;
  std::string cluster;  ///< destination.name
  std::string ns;       ///< destination.namespace
  std::optional<Automation> automation;
  std::vector<std::string> sync_options;
  RetrySpec retry;  ///< of automated operations
  size_t history_limit = 10;

  /// How its objects are marked: the name, with the namespace before it outside of `home`.
  std::string tracking_name(std::string_view home) const;
  bool has_sync_option(std::string_view option) const;

  /// kInvalid with all that is wrong with the spec in one sentence.
  static Result<Application> read(const kube::Object& object);
};

/// An operation as .operation or status.operationState.operation has it.
struct Operation {
  json::value json;
  std::string revision;  ///< "" is the source's
  bool prune = false, dry_run = false;
  std::vector<sync::ResourceKey> only;
  std::vector<std::string> sync_options;
  bool automated = false;
  bool self_heal = false;  ///< one of ours that repairs drift
  RetrySpec retry;

  static std::optional<Operation> read(const json::value* operation);
};

/// status.operationState.syncResult.resources, and back.
std::vector<sync::TaskResult> read_results(const json::value& operation_state);
json::array write_results(const std::vector<sync::TaskResult>& results);

}  // namespace serin::gitops
