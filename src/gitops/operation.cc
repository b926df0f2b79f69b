#include "gitops/operation.h"

#include <algorithm>

#include "base/strings.h"
#include "base/time.h"
#include "gitops/auto_sync.h"
#include "gitops/status.h"
#include "kube/resources.h"

namespace serin::gitops {
namespace {

using sync::Step;
using sync::Task;
using sync::TaskResult;

/// One operation during one pass.
class Run {
 public:
  Run(json::value& doc, const OperationContext& context, Operation operation)
      : doc_(doc), context_(context), operation_(std::move(operation)) {}

  Result<std::optional<Duration>> step(Duration interval) {
    if (std::optional<Duration> left = retry_left()) return left;
    if (Result<void> ready = prepare(); !ready) return over("Error", ready.error().message);
    if (results_.empty()) {
      if (std::optional<std::string> refused = SERIN_TRY(begin())) return over("Failed", *refused);
      if (operation_.dry_run) return over("Succeeded", "successfully synced (dry run)");
    }
    while (true) {
      Step next = sync::next_step(tasks_, results_);
      switch (next.kind) {
        case Step::Kind::kSucceeded: return over("Succeeded", "successfully synced (all tasks run)");
        case Step::Kind::kFailed: return over("Failed", next.message);
        case Step::Kind::kWait:
          if (!fresh_) {
            if (Result<void> ready = prepare(); !ready) return over("Error", ready.error().message);
            continue;
          }
          set("message", next.message);
          return std::optional<Duration>(interval);
        case Step::Kind::kRun:
          for (size_t task : next.tasks) results_.push_back(sync::execute(context_.cluster, tasks_[task], execute_options()));
          fresh_ = false;
          write_results_back();
          SERIN_TRY(context_.persist());
      }
    }
  }

 private:
  template <class T>
  void set(std::string_view field, T to) {
    json::set(doc_, {"status", "operationState", field}, json::value(std::move(to)));
  }
  const json::value& state() const { return *json::find(doc_, "status", "operationState"); }
  void write_results_back() { json::set(doc_, {"status", "operationState", "syncResult", "resources"}, write_results(results_)); }

  /// A failed operation that is to be tried again waits with finishedAt set.
  std::optional<Duration> retry_left() {
    std::optional<TimePoint> finished = parse_time(json::get_string(state(), "finishedAt"));
    if (!finished) return std::nullopt;
    int64_t retries = json::get_int(state(), 0, "retryCount");
    Duration left = *finished + retry_wait(operation_.retry, retries) - context_.now;
    if (left > Duration::zero()) return left;
    set("retryCount", retries + 1);
    json::erase(doc_, {"status", "operationState", "finishedAt"});
    json::erase(doc_, {"status", "operationState", "syncResult", "resources"});
    return std::nullopt;
  }

  /// Compares at the operation's revision and plans.
  Result<void> prepare() {
    std::string revision(json::get_string(state(), "syncResult", "revision"));
    if (revision.empty()) {
      std::shared_ptr<source::Repository> repository = SERIN_TRY(context_.comparer.repository(context_.app));
      const std::string& wanted = operation_.revision.empty() ? context_.app.source.revision : operation_.revision;
      revision = SERIN_TRY(repository->resolve(wanted, source::Repository::Freshness::kLatest));
      json::object result;
      result["revision"] = revision;
      result["source"] = context_.app.source.json;
      set("syncResult", std::move(result));
    }
    comparison_ = SERIN_TRY(context_.comparer.compare(context_.app, context_.cluster, revision, inventory_of(kube::Object(doc_)), false));
    sync::PlanOptions plan;
    plan.only = operation_.only;
    plan.prune_last = option("PruneLast=true");
    tasks_ = sync::plan_tasks(comparison_.resources, plan);
    results_ = read_results(state());
    for (TaskResult& result : results_) {
      for (const Task& task : tasks_)
        if (sync::key_of(task.what.any()) == result.key) sync::refresh_result(result, task.hook, task.what.live, task.what.health);
    }
    if (!results_.empty()) write_results_back();
    fresh_ = true;
    return {};
  }

  /// Before anything is applied: the namespace, and a dry run of everything. What is wrong, if anything.
  Result<std::optional<std::string>> begin() {
    SERIN_TRY(context_.persist());
    if (option("CreateNamespace=true") && !operation_.dry_run)
      if (Result<void> made = create_namespace(); !made) return std::optional<std::string>(made.error().message);
    if (option("FailOnSharedResource=true"))
      for (const Condition& warning : comparison_.warnings)
        if (warning.type == "SharedResourceWarning") return std::optional<std::string>(warning.message);
    std::vector<TaskResult> failures = sync::dry_run(context_.cluster, tasks_, execute_options());
    if (operation_.dry_run && failures.empty()) {
      for (const Task& task : tasks_)
        if (task.action == Task::Action::kPrune || task.what.out_of_sync()) results_.push_back(sync::execute(context_.cluster, task, execute_options()));
      for (TaskResult& result : results_) result.hook_phase = "Succeeded";
      write_results_back();
      return std::optional<std::string>();
    }
    if (failures.empty()) return std::optional<std::string>();
    json::set(doc_, {"status", "operationState", "syncResult", "resources"}, write_results(failures));
    std::vector<std::string> reasons;
    for (const TaskResult& failure : failures) reasons.push_back(concat(failure.key.str(), ": ", failure.message));
    return std::optional<std::string>(concat("nothing was applied, the dry run failed: ", join(reasons, "; ")));
  }

  Result<void> create_namespace() {
    if (context_.app.ns.empty()) return {};
    Result<kube::Object> there = context_.cluster.get(kube::kNamespaces, {"", context_.app.ns});
    if (there || there.error().code != Code::kNotFound) return there ? Result<void>() : Result<void>(fail(there.error()));
    json::object doc{{"apiVersion", "v1"}, {"kind", "Namespace"}};
    doc["metadata"] = json::object{{"name", context_.app.ns}};
    client::WriteOptions options;
    options.field_manager = std::string(diff::kManager);
    Result<kube::Object> made = context_.cluster.create(kube::kNamespaces, kube::Object(json::value(std::move(doc))), options);
    if (!made && made.error().code != Code::kAlreadyExists) return fail(made.error());
    return {};
  }

  /// Ends the operation, or has it tried again.
  std::optional<Duration> over(std::string_view phase, std::string message) {
    set("finishedAt", format_time(context_.now));
    bool succeeded = phase == "Succeeded";
    int64_t retries = json::get_int(state(), 0, "retryCount");
    if (!succeeded && (operation_.retry.limit < 0 || retries < operation_.retry.limit)) {
      Duration wait = retry_wait(operation_.retry, retries);
      set("message", concat(message, ". Retrying attempt #", retries + 1, " in ", format_duration(wait)));
      return wait;
    }
    if (!succeeded && retries > 0) message += concat(" (retried ", retries, " times)");
    set("phase", phase);
    set("message", std::move(message));
    if (succeeded && !operation_.dry_run && operation_.only.empty())
      add_history(doc_, context_.app, std::string(json::get_string(state(), "syncResult", "revision")), json::get_string(state(), "startedAt"), context_.now);
    json::erase(doc_, {"operation"});
    return std::nullopt;
  }

  bool option(std::string_view wanted) const {
    return context_.app.has_sync_option(wanted) ||
           std::find(operation_.sync_options.begin(), operation_.sync_options.end(), wanted) != operation_.sync_options.end();
  }

  sync::ExecuteOptions execute_options() const {
    sync::ExecuteOptions options;
    options.prune = operation_.prune;
    options.dry_run = operation_.dry_run;
    options.owned = &comparison_.owned;
    if (option("PrunePropagationPolicy=background")) options.propagation = "Background";
    if (option("PrunePropagationPolicy=orphan")) options.propagation = "Orphan";
    return options;
  }

  json::value& doc_;
  const OperationContext& context_;
  const Operation operation_;
  Comparison comparison_;
  std::vector<Task> tasks_;
  std::vector<TaskResult> results_;
  bool fresh_ = false;  // the results know of the cluster as it is
};

bool running(const json::value& doc) {
  std::string_view phase = json::get_string(doc, "status", "operationState", "phase");
  return phase == "Running" || phase == "Terminating";
}

}  // namespace

bool has_operation(const json::value& doc) {
  const json::value* operation = json::find(doc, "operation");
  return (operation && operation->is_object()) || running(doc);
}

Result<std::optional<Duration>> run_operation(json::value& doc, const OperationContext& context, Duration interval) {
  const json::value* wanted = json::find(doc, "operation");
  const json::value* current = json::find(doc, "status", "operationState", "operation");
  bool terminate = json::get_string(doc, "status", "operationState", "phase") == "Terminating" || !wanted || !wanted->is_object();
  if (running(doc) && terminate) {
    json::set(doc, {"status", "operationState", "phase"}, "Failed");
    json::set(doc, {"status", "operationState", "message"}, "Operation terminated");
    json::set(doc, {"status", "operationState", "finishedAt"}, json::value(format_time(context.now)));
    json::erase(doc, {"operation"});
    return std::optional<Duration>();
  }
  // A new operation takes the place of one that still runs: the commit that heals may not wait for what is stuck.
  if (!running(doc) || !current || *current != *wanted) {
    json::object state;
    state["operation"] = *wanted;
    state["phase"] = "Running";
    state["startedAt"] = format_time(context.now);
    json::set(doc, {"status", "operationState"}, std::move(state));
  }
  Operation operation = *Operation::read(json::find(doc, "operation"));
  return Run(doc, context, std::move(operation)).step(interval);
}

}  // namespace serin::gitops
