#include "apiserver/auth/reviews.h"

#include "base/strings.h"
#include "data/json_strings.h"
#include "kube/causes.h"

namespace serin::apiserver {
namespace {

using json::from_strings;

Result<void> check(const std::string& kind, kube::Causes& causes) {
  std::vector<Cause> wrong = causes.take();
  if (wrong.empty()) return {};
  std::vector<std::string> parts;
  for (const Cause& cause : wrong) parts.push_back(concat(cause.field, ": ", cause.message));
  std::string list = parts.size() == 1 ? parts[0] : concat('[', join(parts, ", "), ']');
  return fail(Error{Code::kInvalid, concat(kind, ".authorization.k8s.io \"\" is invalid: ", list), std::move(wrong)});
}

Result<void> check_access_spec(const Reviews::Question& question) {
  const json::value null;
  const json::value* resource = json::find(question.body, "spec", "resourceAttributes");
  const json::value* path = json::find(question.body, "spec", "nonResourceAttributes");
  bool of_resource = resource && resource->is_object(), of_path = path && path->is_object();
  kube::Causes causes;
  if (of_resource && of_path)
    causes.invalid("spec.nonResourceAttributes", "value", "cannot be specified in combination with resourceAttributes");
  if (!of_resource && !of_path)
    causes.invalid("spec.resourceAttributes", null, "exactly one of nonResourceAttributes or resourceAttributes must be specified");
  bool about_others = !question.kind.starts_with("Self");
  if (about_others && json::get_string(question.body, "spec", "user").empty() && json::items(question.body, "spec", "groups").empty())
    causes.invalid("spec.user", "", "at least one of user or group must be specified");
  if (question.kind == "LocalSubjectAccessReview") {
    if (of_path) causes.invalid("spec.nonResourceAttributes", "value", "disallowed on this kind of request");
    std::string_view ns = json::get_string(question.body, "spec", "resourceAttributes", "namespace");
    if (of_resource && ns != question.ns)
      return fail(Code::kBadRequest, concat("spec.resourceAttributes.namespace must match namespace: ", question.ns));
  }
  return check(question.kind, causes);
}

UserPtr user_of(const json::value& spec) {
  User user;
  user.name = json::get_string(spec, "user");
  user.uid = json::get_string(spec, "uid");
  user.groups = json::to_strings(json::items(spec, "groups"));
  if (const json::object* extra = json::find_object(spec, "extra"))
    for (const auto& [key, values] : *extra)
      if (values.is_array()) user.extra[std::string(key)] = json::to_strings(values.get_array());
  return std::make_shared<const User>(std::move(user));
}

}  // namespace

json::object user_info(const User& user) {
  json::object info{{"username", user.name}};
  if (!user.uid.empty()) info["uid"] = user.uid;
  if (!user.groups.empty()) info["groups"] = from_strings(user.groups);
  json::object extra;
  for (const auto& [key, values] : user.extra) extra[key] = from_strings(values);
  if (!extra.empty()) info["extra"] = std::move(extra);
  return info;
}

Result<json::value> Reviews::answer(Question question) const {
  if (!question.body.is_object()) return fail(Code::kBadRequest, "the body must be one JSON object");
  json::value status;
  if (question.kind == "SelfSubjectReview") status = json::object{{"userInfo", user_info(*question.user)}};
  else if (question.kind == "SelfSubjectRulesReview") status = SERIN_TRY(rules(question));
  else if (question.kind == "TokenReview") status = SERIN_TRY(token(question));
  else status = SERIN_TRY(access(question));
  json::object& out = question.body.get_object();
  out["kind"] = question.kind;
  out["apiVersion"] = question.kind == "SelfSubjectReview" || question.kind == "TokenReview" ? "authentication.k8s.io/v1" : "authorization.k8s.io/v1";
  json::ensure_object(question.body, {"metadata"});
  out["status"] = std::move(status);
  return std::move(question.body);
}

Result<json::value> Reviews::access(const Question& question) const {
  SERIN_TRY(check_access_spec(question));
  const json::value& spec = question.body.get_object().at("spec");
  AccessRequest access;
  access.cluster = question.cluster;
  access.user = question.kind.starts_with("Self") ? question.user : user_of(spec);
  auto read = [&](const char* from, const char* member) { return std::string(json::get_string(spec, from, member)); };
  if (json::find_object(spec, "resourceAttributes")) {
    constexpr const char* kFrom = "resourceAttributes";
    access.verb = read(kFrom, "verb");
    access.group = read(kFrom, "group");
    access.version = read(kFrom, "version");
    access.resource = read(kFrom, "resource");
    access.subresource = read(kFrom, "subresource");
    access.ns = read(kFrom, "namespace");
    access.name = read(kFrom, "name");
  } else {
    access.verb = read("nonResourceAttributes", "verb");
    access.path = read("nonResourceAttributes", "path");
    if (access.path.empty()) return json::object{{"allowed", false}};
  }
  Decision decision = authorizer_.decide(access);
  json::object status{{"allowed", decision.allowed}};
  if (!decision.reason.empty()) status["reason"] = decision.reason;
  return status;
}

Result<json::value> Reviews::rules(const Question& question) const {
  std::string ns(json::get_string(question.body, "spec", "namespace"));
  if (ns.empty()) return fail(Code::kBadRequest, "no namespace on request");
  rbac::Policy::Held held = authorizer_.policy(question.cluster)->held_by(*question.user, ns);
  json::array resources, paths;
  for (const rbac::Rule& rule : held.rules) {
    if (!rule.resources.empty()) {
      json::object one{{"verbs", from_strings(rule.verbs)}, {"apiGroups", from_strings(rule.groups)}, {"resources", from_strings(rule.resources)}};
      if (!rule.names.empty()) one["resourceNames"] = from_strings(rule.names);
      resources.push_back(std::move(one));
    }
    if (!rule.urls.empty()) paths.push_back(json::object{{"verbs", from_strings(rule.verbs)}, {"nonResourceURLs", from_strings(rule.urls)}});
  }
  json::object status{{"resourceRules", std::move(resources)}, {"nonResourceRules", std::move(paths)}, {"incomplete", !held.errors.empty()}};
  if (!held.errors.empty()) status["evaluationError"] = join(held.errors, ", ");
  return status;
}

Result<json::value> Reviews::token(const Question& question) const {
  std::string_view text = json::get_string(question.body, "spec", "token");
  if (text.empty()) return fail(Code::kBadRequest, "token is required for TokenReview in authentication");
  auto identity = authenticator_.token(question.cluster, text, json::to_strings(json::items(question.body, "spec", "audiences")));
  if (!identity) return json::object{{"authenticated", false}, {"user", json::object()}, {"error", "invalid bearer token"}};
  return json::object{{"authenticated", true}, {"user", user_info(*identity->user)}, {"audiences", from_strings(identity->audiences)}};
}

}  // namespace serin::apiserver
