#include "gitops/auto_sync.h"

#include <algorithm>

#include "base/strings.h"
#include "base/time.h"

namespace serin::gitops {
namespace {

constexpr Duration kFirstHealWait = std::chrono::seconds(2);
constexpr int kHealFactor = 3;
constexpr Duration kMaxHealWait = std::chrono::seconds(300);

/// No wait before the first attempt, then 2 s, 6 s, 18 s ... up to five minutes.
Duration heal_wait(int64_t attempts) {
  if (attempts <= 0) return Duration::zero();
  Duration wait = kFirstHealWait;
  for (int64_t i = 1; i < attempts && wait < kMaxHealWait; ++i) wait *= kHealFactor;
  return std::min(wait, kMaxHealWait);
}

json::value retry_json(const RetrySpec& retry) {
  return json::object{{"limit", retry.limit},
                      {"backoff", json::object{{"duration", format_duration(retry.base)}, {"factor", retry.factor}, {"maxDuration", format_duration(retry.max)}}}};
}

}  // namespace

AutoSync auto_sync(const Application& app, const Comparison& comparison, TimePoint now) {
  AutoSync out;
  if (!app.automation || !comparison.out_of_sync()) return out;
  size_t counted = 0, prunable = 0, changed = 0;
  for (const sync::Compared& resource : comparison.resources) {
    if (resource.hook) continue;
    ++counted;
    if (resource.prunable()) ++prunable;
    else if (resource.out_of_sync()) ++changed;
  }
  if (!app.automation->prune && changed == 0) return out;
  if (app.automation->prune && !app.automation->allow_empty && counted > 0 && prunable == counted) {
    out.error = "auto-sync would remove all resources of the application; allow it by spec.syncPolicy.automated.allowEmpty";
    return out;
  }

  const json::value& doc = app.object.doc();
  const json::value* state = json::find(doc, "status", "operationState");
  std::string_view phase = state ? json::get_string(*state, "phase") : std::string_view();
  bool attempted = state && json::get_string(*state, "syncResult", "revision") == comparison.revision &&
                   json::find(*state, "syncResult", "source") && *json::find(*state, "syncResult", "source") == app.source.json &&
                   !json::get_bool(*state, false, "operation", "sync", "dryRun");
  json::object sync{{"revision", comparison.revision}};
  if (app.automation->prune) sync["prune"] = true;
  if (!app.sync_options.empty()) {
    json::array options;
    for (const std::string& option : app.sync_options) options.emplace_back(option);
    sync["syncOptions"] = std::move(options);
  }
  if (attempted && (phase == "Failed" || phase == "Error")) {
    out.error = concat("the sync to ", comparison.revision.substr(0, 7), " failed and is not tried again by itself: ", json::get_string(*state, "message"));
    return out;
  }
  if (attempted && phase == "Succeeded") {
    if (!app.automation->self_heal) return out;
    int64_t attempts = json::get_int(*state, 0, "operation", "sync", "autoHealAttemptsCount");
    TimePoint finished = parse_time(json::get_string(*state, "finishedAt")).value_or(now);
    Duration left = finished + heal_wait(attempts) - now;
    if (left > Duration::zero()) {
      out.wait = left;
      return out;
    }
    // Repairs what has drifted and leaves the rest alone.
    json::array only;
    for (const sync::Compared& resource : comparison.resources) {
      if (resource.hook || !resource.out_of_sync()) continue;
      sync::ResourceKey key = sync::key_of(resource.any());
      only.push_back(json::object{{"group", key.group}, {"kind", key.kind}, {"namespace", key.ns}, {"name", key.name}});
    }
    sync["resources"] = std::move(only);
    sync["autoHealAttemptsCount"] = attempts + 1;
  }
  json::object operation;
  operation["sync"] = std::move(sync);
  operation["initiatedBy"] = json::object{{"automated", true}};
  operation["retry"] = retry_json(app.retry);
  out.operation = json::value(std::move(operation));
  return out;
}

Duration retry_wait(const RetrySpec& retry, int64_t retries) {
  Duration wait = retry.base;
  for (int64_t i = 0; i < retries && wait < retry.max; ++i) wait *= retry.factor;
  return std::min(wait, retry.max);
}

}  // namespace serin::gitops
