#include "apiserver/auth/audit/policy.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "base/strings.h"
#include "data/yaml.h"

namespace serin::apiserver::audit {
namespace {

bool has(const std::vector<std::string>& list, std::string_view text) { return std::find(list.begin(), list.end(), text) != list.end(); }

Result<std::vector<std::string>> read_list(const json::value& from, const char* member, const std::string& where) {
  std::vector<std::string> out;
  const json::value* list = json::find(from, member);
  if (!list || list->is_null()) return out;
  if (!list->is_array()) return fail(Code::kInvalid, concat("audit policy: ", where, '.', member, " must be a list"));
  for (const json::value& one : list->get_array()) {
    if (!one.is_string()) return fail(Code::kInvalid, concat("audit policy: ", where, '.', member, " must be a list of strings"));
    out.emplace_back(one.get_string());
  }
  return out;
}

/// The stages left out of `verdict`.
Result<void> omit(Policy::Verdict& verdict, const json::value& from, const std::string& where) {
  for (const std::string& stage : SERIN_TRY(read_list(from, "omitStages", where))) {
    if (stage == "ResponseStarted") verdict.started = false;
    else if (stage == "ResponseComplete") verdict.complete = false;
    else if (stage != "RequestReceived" && stage != "Panic")
      return fail(Code::kInvalid, concat("audit policy: ", where, ".omitStages: unknown stage \"", stage, '"'));
  }
  return {};
}

bool resource_matches(const std::string& wanted, const AccessRequest& access) {
  if (wanted == "*") return true;
  if (access.subresource.empty()) return wanted == access.resource || wanted == access.resource + "/*";
  return wanted == concat(access.resource, '/', access.subresource) || wanted == "*/" + access.subresource || wanted == access.resource + "/*";
}

}  // namespace

std::string_view level_name(Level level) {
  switch (level) {
    case Level::kNone: return "None";
    case Level::kMetadata: return "Metadata";
    case Level::kRequest: return "Request";
  }
  return "None";
}

Policy Policy::writes() {
  Policy policy;
  Rule rule;
  rule.verdict.level = Level::kMetadata;
  rule.verbs = {"create", "update", "patch", "delete", "deletecollection"};
  policy.rules_.push_back(std::move(rule));
  return policy;
}

Result<Policy> Policy::parse(std::string_view text) {
  auto parsed = yaml::parse(text, true);
  if (!parsed) return fail(Code::kInvalid, concat("audit policy: ", parsed.error().message));
  const json::value& doc = *parsed;
  if (json::get_string(doc, "kind") != "Policy" || json::get_string(doc, "apiVersion") != "audit.k8s.io/v1")
    return fail(Code::kInvalid, "audit policy: expected apiVersion audit.k8s.io/v1 and kind Policy");
  Verdict defaults;
  SERIN_TRY(omit(defaults, doc, "policy"));
  const json::array& rules = json::items(doc, "rules");
  if (rules.empty()) return fail(Code::kInvalid, "audit policy: rules: at least one is required");
  Policy policy;
  for (size_t i = 0; i < rules.size(); ++i) {
    std::string where = concat("rules[", i, ']');
    const json::value& from = rules[i];
    Rule rule;
    rule.verdict = defaults;
    SERIN_TRY(omit(rule.verdict, from, where));
    std::string_view level = json::get_string(from, "level");
    if (level == "Metadata") rule.verdict.level = Level::kMetadata;
    else if (level == "Request" || level == "RequestResponse") rule.verdict.level = Level::kRequest;
    else if (level != "None")
      return fail(Code::kInvalid, concat("audit policy: ", where, ".level: \"", level, "\" is none of None, Metadata, Request, RequestResponse"));
    rule.users = SERIN_TRY(read_list(from, "users", where));
    rule.groups = SERIN_TRY(read_list(from, "userGroups", where));
    rule.verbs = SERIN_TRY(read_list(from, "verbs", where));
    rule.namespaces = SERIN_TRY(read_list(from, "namespaces", where));
    rule.urls = SERIN_TRY(read_list(from, "nonResourceURLs", where));
    for (const json::value& one : json::items(from, "resources"))
      rule.resources.push_back({std::string(json::get_string(one, "group")), SERIN_TRY(read_list(one, "resources", where)),
                                SERIN_TRY(read_list(one, "resourceNames", where))});
    if (!rule.urls.empty() && (!rule.resources.empty() || !rule.namespaces.empty()))
      return fail(Code::kInvalid, concat("audit policy: ", where, ": a rule is for resources or for nonResourceURLs, not for both"));
    policy.rules_.push_back(std::move(rule));
  }
  return policy;
}

Result<Policy> Policy::load(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) return fail(Code::kNotFound, concat("audit policy ", path, " cannot be read"));
  return parse(text.str());
}

bool Policy::Rule::matches(const AccessRequest& access) const {
  const User& user = *access.user;
  if (!users.empty() && !has(users, user.name)) return false;
  if (!groups.empty() && std::none_of(user.groups.begin(), user.groups.end(), [&](const std::string& group) { return has(groups, group); })) return false;
  if (!verbs.empty() && !has(verbs, access.verb)) return false;
  if (!namespaces.empty() || !resources.empty()) {
    if (!access.path.empty()) return false;
    if (!namespaces.empty() && !has(namespaces, access.ns)) return false;
    return resources.empty() || std::any_of(resources.begin(), resources.end(), [&](const Resources& one) {
             if (one.group != access.group) return false;
             if (one.resources.empty()) return true;
             if (!one.names.empty() && !has(one.names, access.name)) return false;
             return std::any_of(one.resources.begin(), one.resources.end(), [&](const std::string& r) { return resource_matches(r, access); });
           });
  }
  if (urls.empty()) return true;
  return !access.path.empty() && std::any_of(urls.begin(), urls.end(), [&](std::string_view url) {
    return url == access.path || (url.ends_with('*') && access.path.starts_with(url.substr(0, url.size() - 1)));
  });
}

Policy::Verdict Policy::judge(const AccessRequest& access) const {
  for (const Rule& rule : rules_)
    if (rule.matches(access)) return rule.verdict;
  return {};
}

bool is_secret(const AccessRequest& access) {
  return (access.group.empty() && access.resource == "secrets") || access.resource == "tokenreviews" || access.subresource == "token";
}

}  // namespace serin::apiserver::audit
