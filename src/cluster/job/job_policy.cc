#include "cluster/job/job_policy.h"

#include <algorithm>

#include "base/strings.h"

namespace serin::cluster {
namespace {

/// The first container that ended with a code other than 0 that the rule asks for.
const json::value* matching_container(const json::value& on_codes, const Object& pod) {
  std::string_view only = json::get_string(on_codes, "containerName");
  bool in = json::get_string(on_codes, "operator") == "In";
  const json::array& values = json::items(on_codes, "values");
  for (const char* list : {"containerStatuses", "initContainerStatuses"}) {
    for (const json::value& container : json::items(pod.doc(), "status", list)) {
      std::optional<int64_t> code = json::as_int(json::find(container, "state", "terminated", "exitCode"));
      if (!code || *code == 0 || (!only.empty() && json::get_string(container, "name") != only)) continue;
      bool listed = std::any_of(values.begin(), values.end(), [&](const json::value& v) { return json::as_int(&v) == code; });
      if (listed == in) return &container;
    }
  }
  return nullptr;
}

const json::value* matching_condition(const json::array& patterns, const Object& pod) {
  for (const json::value& pattern : patterns) {
    const json::value* condition = kube::find_condition(pod, json::get_string(pattern, "type"));
    std::string_view wanted = json::get_string(pattern, "status");
    if (condition && json::get_string(*condition, "status") == (wanted.empty() ? "True" : wanted)) return condition;
  }
  return nullptr;
}

}  // namespace

FailureVerdict judge_failure(const Job& job, const Object& pod) {
  using Action = FailureVerdict::Action;
  const json::array& rules = json::items(job.object.doc(), "spec", "podFailurePolicy", "rules");
  for (size_t i = 0; i < rules.size(); ++i) {
    std::string_view name = json::get_string(rules[i], "action");
    std::string what;
    if (const json::value* codes = json::find(rules[i], "onExitCodes")) {
      const json::value* container = matching_container(*codes, pod);
      if (!container) continue;
      what = concat("Container ", json::get_string(*container, "name"), " for pod ", pod.key().str(), " failed with exit code ",
                    json::get_int(*container, 0, "state", "terminated", "exitCode"), " matching ", name, " rule at index ", i);
    } else {
      const json::value* condition = matching_condition(json::items(rules[i], "onPodConditions"), pod);
      if (!condition) continue;
      what = concat("Pod ", pod.key().str(), " has condition ", json::get_string(*condition, "type"), " matching ", name,
                    " rule at index ", i);
    }
    if (name == "FailJob") return {Action::kFailJob, what};
    if (name == "Ignore") return {Action::kIgnore, ""};
    if (name == "FailIndex" && job.limit_per_index) return {Action::kFailIndex, ""};
    return {};
  }
  return {};
}

std::optional<std::string> fulfilled(const Job& job, const IndexSet& completed) {
  if (!job.indexed || !job.completions) return std::nullopt;
  const json::array& rules = json::items(job.object.doc(), "spec", "successPolicy", "rules");
  for (size_t i = 0; i < rules.size(); ++i) {
    const json::value* listed = json::find(rules[i], "succeededIndexes");
    std::optional<int64_t> count = json::as_int(json::find(rules[i], "succeededCount"));
    IndexSet wanted;
    if (listed) wanted = parse_indexes(json::as_string(listed), *job.completions);
    auto done = listed ? std::count_if(wanted.begin(), wanted.end(), [&](int64_t index) { return completed.count(index) > 0; })
                       : static_cast<int64_t>(completed.size());
    if (count ? done >= *count : listed && done == static_cast<int64_t>(wanted.size()))
      return concat("Matched rules at index ", i);
  }
  return std::nullopt;
}

}  // namespace serin::cluster
