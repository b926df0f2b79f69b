// What kubectl shows of workloads, their scaling and their budgets.

#include "apiserver/http/column_parts.h"
#include "base/strings.h"
#include "base/time.h"

namespace serin::apiserver::columns {
namespace {

std::string ready_of(const json::value& d) {
  return concat(json::get_int(d, 0, "status", "readyReplicas"), '/', json::get_int(d, 0, "spec", "replicas"));
}

std::string job_status(const json::value& d) {
  kube::Object job(d);
  for (std::string_view type : {"Complete", "Failed"})
    if (kube::condition_true(job, type)) return std::string(type);
  if (job.deleting()) return "Terminating";
  for (std::string_view type : {"Suspended", "FailureTarget", "SuccessCriteriaMet"})
    if (kube::condition_true(job, type)) return std::string(type);
  return "Running";
}

std::string job_completions(const json::value& d) {
  int64_t done = json::get_int(d, 0, "status", "succeeded");
  if (const json::value* wanted = json::find(d, "spec", "completions")) return concat(done, '/', json::as_int(wanted).value_or(0));
  int64_t parallel = json::get_int(d, 0, "spec", "parallelism");
  return parallel > 1 ? concat(done, "/1 of ", parallel) : concat(done, "/1");
}

json::value job_duration(const json::value& d, TimePoint now) {
  auto time = [&](const char* member) {
    std::string_view at = json::get_string(d, "status", member);
    return at.empty() ? std::nullopt : parse_time(at);
  };
  auto start = time("startTime");
  if (!start) return json::value("");
  return json::value(format_age(std::max(time("completionTime").value_or(now) - *start, Duration::zero())));
}

/// One metric of an autoscaler: where it is and where it should be.
std::string metric_text(const json::value& metric, const json::value* status) {
  std::string_view type = json::get_string(metric, "type");
  std::string member(type);
  if (!member.empty()) member[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(member[0])));
  const json::value* target = json::find(metric, member, "target");
  const json::value* current = status ? json::find(*status, member, "current") : nullptr;
  auto quantity = [](const json::value* from, const char* field, std::string_view otherwise) {
    const json::value* found = from ? json::find(*from, field) : nullptr;
    return found ? (found->is_string() ? std::string(json::as_string(found)) : json::dump(*found)) : std::string(otherwise);
  };
  bool average = target && json::find(*target, "averageValue");
  if (type == "Resource" || type == "ContainerResource") {
    std::string name(json::get_string(metric, member, "name"));
    if (average) return concat(name, ": ", quantity(current, "averageValue", "<unknown>"), '/', quantity(target, "averageValue", ""));
    auto percent = [&](const json::value* from, std::string_view otherwise) {
      auto n = from ? json::as_int(json::find(*from, "averageUtilization")) : std::nullopt;
      return n ? concat(*n, '%') : std::string(otherwise);
    };
    return concat(name, ": ", percent(current, "<unknown>"), '/', percent(target, "<auto>"));
  }
  if (type == "Pods") return concat(quantity(current, "averageValue", "<unknown>"), '/', quantity(target, "averageValue", ""));
  const char* field = average ? "averageValue" : "value";
  return concat(quantity(current, field, "<unknown>"), '/', quantity(target, field, ""), average ? " (avg)" : "");
}

std::string targets(const json::value& d) {
  const json::array &metrics = json::items(d, "spec", "metrics"), &statuses = json::items(d, "status", "currentMetrics");
  std::vector<std::string> list;
  for (size_t i = 0; i < metrics.size(); ++i) list.push_back(metric_text(metrics[i], i < statuses.size() ? &statuses[i] : nullptr));
  return or_none(some_of(list, 2, ", "));
}

}  // namespace

Columns deployment() {
  Columns columns{text("Ready", ready_of), number_at("Up-to-date", {"status", "updatedReplicas"}),
                  number_at("Available", {"status", "availableReplicas"}), age()};
  add_template_columns(columns, {"spec", "template"}, true);
  return columns;
}

Columns replica_set() {
  Columns columns{number_at("Desired", {"spec", "replicas"}), number_at("Current", {"status", "replicas"}),
                  number_at("Ready", {"status", "readyReplicas"}), age()};
  add_template_columns(columns, {"spec", "template"}, true);
  return columns;
}

Columns stateful_set() {
  Columns columns{text("Ready", ready_of), age()};
  add_template_columns(columns, {"spec", "template"}, false);
  return columns;
}

Columns daemon_set() {
  Columns columns{number_at("Desired", {"status", "desiredNumberScheduled"}), number_at("Current", {"status", "currentNumberScheduled"}),
                  number_at("Ready", {"status", "numberReady"}), number_at("Up-to-date", {"status", "updatedNumberScheduled"}),
                  number_at("Available", {"status", "numberAvailable"}),
                  text("Node Selector", [](const json::value& d) { return map_text(json::find(d, "spec", "template", "spec", "nodeSelector")); }), age()};
  add_template_columns(columns, {"spec", "template"}, true);
  return columns;
}

Columns controller_revision() {
  return {text("Controller", [](const json::value& d) {
            auto owner = kube::Object(d).controller();
            if (!owner) return std::string("<none>");
            std::string group = kube::GroupVersion::parse(owner->api_version).group;
            return concat(lower(owner->kind), group.empty() ? "" : ".", group, '/', owner->name);
          }),
          number_at("Revision", {"revision"}), age()};
}

Columns job() {
  Columns columns{text("Status", job_status), text("Completions", job_completions), {"Duration", "string", "", "", 0, job_duration}, age()};
  add_template_columns(columns, {"spec", "template"}, true);
  return columns;
}

Columns cron_job() {
  Columns columns{text_at("Schedule", {"spec", "schedule"}), text_at("Timezone", {"spec", "timeZone"}, "<none>"),
                  text("Suspend", [](const json::value& d) {
                    const json::value* suspend = json::find(d, "spec", "suspend");
                    return std::string(!suspend ? "<unset>" : json::as_bool(suspend) ? "True" : "False");
                  }),
                  number("Active", [](const json::value& d) { return static_cast<int64_t>(json::items(d, "status", "active").size()); }),
                  {"Last Schedule", "string", "", "", 0, [](const json::value& d, TimePoint now) {
                     std::string_view last = json::get_string(d, "status", "lastScheduleTime");
                     return last.empty() ? json::value("<none>") : age_cell(last, now);
                   }},
                  age()};
  add_template_columns(columns, {"spec", "jobTemplate", "spec", "template"}, true);
  return columns;
}

Columns autoscaler() {
  return {text("Reference", [](const json::value& d) {
            return concat(json::get_string(d, "spec", "scaleTargetRef", "kind"), '/', json::get_string(d, "spec", "scaleTargetRef", "name"));
          }),
          text("Targets", targets), text_at("MinPods", {"spec", "minReplicas"}, "<unset>"), number_at("MaxPods", {"spec", "maxReplicas"}),
          number_at("Replicas", {"status", "currentReplicas"}), age()};
}

Columns disruption_budget() {
  return {text_at("Min Available", {"spec", "minAvailable"}, "N/A"), text_at("Max Unavailable", {"spec", "maxUnavailable"}, "N/A"),
          number_at("Allowed Disruptions", {"status", "disruptionsAllowed"}), age()};
}

}  // namespace serin::apiserver::columns
