#include "gitops/application.h"

#include <algorithm>

#include "base/strings.h"
#include "base/time.h"

namespace serin::gitops {
namespace {

std::string text(const json::value& v, std::string_view name) { return std::string(json::get_string(v, name)); }

std::vector<std::string> texts(const json::array& list) {
  std::vector<std::string> out;
  for (const json::value& item : list) out.emplace_back(trim(json::as_string(&item)));
  return out;
}

RetrySpec read_retry(const json::value* retry, RetrySpec otherwise) {
  if (!retry || !retry->is_object()) return otherwise;
  RetrySpec out;
  out.limit = json::get_int(*retry, 0, "limit");
  out.factor = std::max<int64_t>(1, json::get_int(*retry, 2, "backoff", "factor"));
  out.base = parse_duration(json::get_string(*retry, "backoff", "duration")).value_or(out.base);
  out.max = parse_duration(json::get_string(*retry, "backoff", "maxDuration")).value_or(out.max);
  return out;
}

}  // namespace

std::string Application::tracking_name(std::string_view home) const {
  return object.ns() == home ? std::string(object.name()) : concat(object.ns(), "_", object.name());
}

bool Application::has_sync_option(std::string_view option) const {
  return std::find(sync_options.begin(), sync_options.end(), option) != sync_options.end();
}

Result<Application> Application::read(const kube::Object& object) {
  const json::value& doc = object.doc();
  Application app;
  app.object = object;
  std::vector<std::string> wrong;
  if (!json::items(doc, "spec", "sources").empty()) wrong.emplace_back("spec.sources is not supported: give one spec.source");
  if (const json::value* source = json::find(doc, "spec", "source"); source && source->is_object()) {
    app.source.json = *source;
    app.source.repo_url = text(*source, "repoURL");
    app.source.path = text(*source, "path");
    app.source.revision = text(*source, "targetRevision");
    app.source.selection.recurse = json::get_bool(*source, false, "directory", "recurse");
    app.source.selection.include = std::string(json::get_string(*source, "directory", "include"));
    app.source.selection.exclude = std::string(json::get_string(*source, "directory", "exclude"));
    if (app.source.repo_url.empty()) wrong.emplace_back("spec.source.repoURL is missing");
    if (app.source.path.empty()) wrong.emplace_back("spec.source.path is missing");
    for (std::string_view tool : {"helm", "kustomize", "plugin", "chart"})
      if (const json::value* used = json::find(*source, tool); used && !used->is_null())
        wrong.push_back(concat("spec.source.", tool, " is not supported: only directories of manifests are"));
  } else {
    wrong.emplace_back("spec.source is missing");
  }
  app.cluster = std::string(json::get_string(doc, "spec", "destination", "name"));
  app.ns = std::string(json::get_string(doc, "spec", "destination", "namespace"));
  std::string_view server = json::get_string(doc, "spec", "destination", "server");
  if (!app.cluster.empty() && !server.empty()) wrong.emplace_back("spec.destination has both name and server: give one");
  if (app.cluster.empty() && server.empty()) wrong.emplace_back("spec.destination.name is missing");
  if (app.cluster.empty()) app.cluster = std::string(server);

  app.sync_options = texts(json::items(doc, "spec", "syncPolicy", "syncOptions"));
  const json::value* automated = json::find(doc, "spec", "syncPolicy", "automated");
  if (automated && automated->is_object() && json::get_bool(*automated, true, "enabled"))
    app.automation = Automation{json::get_bool(*automated, false, "prune"), json::get_bool(*automated, false, "selfHeal"),
                                json::get_bool(*automated, false, "allowEmpty")};
  app.retry = read_retry(json::find(doc, "spec", "syncPolicy", "retry"), RetrySpec{.limit = 5});
  app.history_limit = static_cast<size_t>(std::max<int64_t>(0, json::get_int(doc, 10, "spec", "revisionHistoryLimit")));
  if (!wrong.empty()) return fail(Code::kInvalid, join(wrong, "; "));
  return app;
}

std::optional<Operation> Operation::read(const json::value* operation) {
  if (!operation || !operation->is_object()) return std::nullopt;
  Operation out;
  out.json = *operation;
  out.automated = json::get_bool(*operation, false, "initiatedBy", "automated");
  out.retry = read_retry(json::find(*operation, "retry"), RetrySpec{});
  const json::value* sync = json::find(*operation, "sync");
  if (!sync) return out;
  out.revision = text(*sync, "revision");
  out.prune = json::get_bool(*sync, false, "prune");
  out.dry_run = json::get_bool(*sync, false, "dryRun");
  out.self_heal = json::get_int(*sync, 0, "autoHealAttemptsCount") > 0;
  out.sync_options = texts(json::items(*sync, "syncOptions"));
  for (const json::value& item : json::items(*sync, "resources"))
    out.only.push_back({text(item, "group"), text(item, "kind"), text(item, "namespace"), text(item, "name")});
  return out;
}

std::vector<sync::TaskResult> read_results(const json::value& operation_state) {
  std::vector<sync::TaskResult> results;
  for (const json::value& item : json::items(operation_state, "syncResult", "resources")) {
    sync::TaskResult result;
    result.key = {text(item, "group"), text(item, "kind"), text(item, "namespace"), text(item, "name")};
    result.version = text(item, "version");
    std::string phase = text(item, "syncPhase");
    for (sync::Phase each : {sync::Phase::kPreSync, sync::Phase::kSync, sync::Phase::kPostSync, sync::Phase::kSyncFail})
      if (sync::text(each) == phase) result.phase = each;
    result.status = text(item, "status");
    result.hook_phase = text(item, "hookPhase");
    result.hook_type = text(item, "hookType");
    result.message = text(item, "message");
    results.push_back(std::move(result));
  }
  return results;
}

json::array write_results(const std::vector<sync::TaskResult>& results) {
  json::array out;
  for (const sync::TaskResult& result : results) {
    json::object item{{"group", result.key.group},     {"version", result.version},   {"kind", result.key.kind},
                      {"namespace", result.key.ns},    {"name", result.key.name},     {"status", result.status},
                      {"message", result.message},     {"hookPhase", result.hook_phase}, {"syncPhase", sync::text(result.phase)}};
    if (!result.hook_type.empty()) item["hookType"] = result.hook_type;
    out.push_back(std::move(item));
  }
  return out;
}

}  // namespace serin::gitops
