// Jobs, CronJobs, autoscalers and disruption budgets.

#include "kube/cron_schedule.h"
#include "kube/selector.h"
#include "kube/validate_kinds.h"
#include "kube/validate_pod.h"

namespace serin::kube {
namespace {

void check_job_template(const json::value& spec, const std::string& path, Causes& causes) {
  const json::value* policy = json::find(spec, "template", "spec", "restartPolicy");
  if (json::as_string(policy) != "OnFailure" && json::as_string(policy) != "Never")
    causes.required(path + ".template.spec.restartPolicy", "valid values: \"OnFailure\", \"Never\"");
  if (const json::value* pod_template = json::find(spec, "template")) validate_template(*pod_template, path + ".template", causes);
}

/// What the selector of a Job selects that was not written by hand.
json::value generated_labels(const json::value& job) {
  std::string_view uid = json::get_string(job, "metadata", "uid"), name = json::get_string(job, "metadata", "name");
  return json::object{{"controller-uid", uid}, {"batch.kubernetes.io/controller-uid", uid},
                      {"job-name", name}, {"batch.kubernetes.io/job-name", name}};
}

}  // namespace

void validate_job(const Subject& s, Causes& causes) {
  const json::value* spec = json::find(s.object, "spec");
  if (!spec) return;
  check_job_template(*spec, "spec", causes);
  for (std::string_view field : {"parallelism", "completions", "backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished"})
    check_least(s.object, {"spec", field}, 0, causes);
  const json::value* selector = json::find(*spec, "selector");
  if (selector && selector->is_object()) {
    auto parsed = LabelSelector::from_object(selector);
    const json::value& labels = or_null(json::find(*spec, "template", "metadata", "labels"));
    const json::value generated = generated_labels(s.object);
    if (!parsed) causes.invalid("spec.selector", *selector, parsed.error().message);
    else if (!s.old && !json::get_bool(*spec, false, "manualSelector") && !parsed->matches(&generated)) causes.invalid("spec.selector", *selector, "`selector` not auto-generated");
    else if (!parsed->matches(&labels)) causes.invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`");
  } else if (json::get_bool(*spec, false, "manualSelector")) {
    causes.required("spec.selector");
  }
  if (json::get_string(*spec, "completionMode") == "Indexed" && !json::find(*spec, "completions"))
    causes.required("spec.completions", "when completion mode is Indexed");
  check_immutable(s, {"spec", "completionMode"}, causes);
  check_immutable(s, {"spec", "selector"}, causes);
  check_immutable(s, {"spec", "podFailurePolicy"}, causes);
  check_immutable(s, {"spec", "backoffLimitPerIndex"}, causes);
  if (json::get_string(*spec, "completionMode") != "Indexed") check_immutable(s, {"spec", "completions"}, causes);
  // A suspended job that has not begun may still be given other nodes.
  bool waiting = s.old && json::get_bool(*s.old, false, "spec", "suspend") && !json::find(*s.old, "status", "startTime");
  if (!waiting) check_immutable(s, {"spec", "template"}, causes);
}

void validate_cron_job(const Subject& s, Causes& causes) {
  constexpr size_t kMaxName = 52;  // a Job's name is the CronJob's and eleven characters more
  std::string_view name = json::get_string(s.object, "metadata", "name");
  if (!s.old && name.size() > kMaxName) causes.invalid("metadata.name", json::value(name), "must be no more than 52 characters");
  const json::value* schedule = json::find(s.object, "spec", "schedule");
  std::string_view text = json::as_string(schedule);
  if (text.find("TZ") != text.npos)
    causes.invalid("spec.schedule", *schedule, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead");
  else if (auto wrong = cron_schedule_error(text); !text.empty() && wrong)
    causes.invalid("spec.schedule", *schedule, *wrong);
  for (std::string_view field : {"startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"})
    check_least(s.object, {"spec", field}, 0, causes);
  if (const json::value* job = json::find(s.object, "spec", "jobTemplate", "spec")) {
    check_job_template(*job, "spec.jobTemplate.spec", causes);
    if (json::get_bool(*job, false, "manualSelector"))
      causes.not_supported("spec.jobTemplate.spec.manualSelector", json::value(true), "\"nil\", \"false\"");
  }
}

void validate_autoscaler(const Subject& s, Causes& causes) {
  check_least(s.object, {"spec", "minReplicas"}, 1, causes);
  const json::value* most = json::find(s.object, "spec", "maxReplicas");
  int64_t least = json::get_int(s.object, 1, "spec", "minReplicas");
  if (auto max = json::as_int(most); max && *max >= 1 && *max < least)
    causes.invalid("spec.maxReplicas", *most, "must be greater than or equal to `minReplicas`");
  if (const json::value* percent = json::find(s.object, "spec", "targetCPUUtilizationPercentage"); json::as_int(percent).value_or(1) < 1)
    causes.invalid("spec.targetCPUUtilizationPercentage", *percent, "must be greater than 0");
  const json::array& metrics = json::items(s.object, "spec", "metrics");
  for (size_t i = 0; i < metrics.size(); ++i) {
    std::string type(json::get_string(metrics[i], "type")), at = concat("spec.metrics[", i, "]");
    if (type.empty()) continue;
    type[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(type[0])));
    if (!json::find_object(metrics[i], type)) {
      causes.required(concat(at, '.', type), "must populate information for the given metric source");
      continue;
    }
    const json::value* average = json::find(metrics[i], type, "target", "averageUtilization");
    if (json::as_int(average).value_or(1) < 1) causes.invalid(concat(at, '.', type, ".target.averageUtilization"), *average, "must be greater than 0");
  }
}

void validate_disruption_budget(const Subject& s, Causes& causes) {
  const json::value* least = json::find(s.object, "spec", "minAvailable");
  const json::value* most = json::find(s.object, "spec", "maxUnavailable");
  if (least && most) causes.invalid("spec", or_null(json::find(s.object, "spec")), "minAvailable and maxUnavailable cannot be both set");
  check_int_or_percent(least, "spec.minAvailable", true, causes);
  check_int_or_percent(most, "spec.maxUnavailable", true, causes);
  check_selector(json::find(s.object, "spec", "selector"), "spec.selector", causes);
}

}  // namespace serin::kube
