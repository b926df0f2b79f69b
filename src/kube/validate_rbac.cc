#include "kube/names.h"
#include "kube/selector.h"
#include "kube/validate_kinds.h"

namespace serin::kube {
namespace {

constexpr std::string_view kGroup = "rbac.authorization.k8s.io";

json::value text_at(const json::value& object, std::string_view member) { return json::value(json::get_string(object, member)); }

void check_rule(const json::value& rule, const std::string& at, bool namespaced, Causes& causes) {
  if (json::items(rule, "verbs").empty()) causes.required(at + ".verbs", "verbs must contain at least one value");
  bool groups = !json::items(rule, "apiGroups").empty(), resources = !json::items(rule, "resources").empty();
  const json::array& urls = json::items(rule, "nonResourceURLs");
  if (!urls.empty()) {
    if (namespaced) causes.invalid(at + ".nonResourceURLs", urls, "namespaced rules cannot apply to non-resource URLs");
    if (groups || resources || !json::items(rule, "resourceNames").empty())
      causes.invalid(at + ".nonResourceURLs", urls, "rules cannot apply to both regular resources and non-resource URLs");
    return;
  }
  if (!groups) causes.required(at + ".apiGroups", "resource rules must supply at least one api group");
  if (!resources) causes.required(at + ".resources", "resource rules must supply at least one resource");
}

void check_role(const json::value& object, bool namespaced, Causes& causes) {
  const json::array& rules = json::items(object, "rules");
  for (size_t i = 0; i < rules.size(); ++i) check_rule(rules[i], concat("rules[", i, "]"), namespaced, causes);
  if (namespaced || !json::find_object(object, "aggregationRule")) return;
  const json::array& selectors = json::items(object, "aggregationRule", "clusterRoleSelectors");
  if (selectors.empty())
    causes.required("aggregationRule.clusterRoleSelectors", "at least one clusterRoleSelector required if aggregationRule is non-nil");
  for (size_t i = 0; i < selectors.size(); ++i)
    if (auto parsed = LabelSelector::from_object(&selectors[i]); !parsed)
      causes.invalid(concat("aggregationRule.clusterRoleSelectors[", i, "]"), selectors[i], parsed.error().message);
}

void check_subject(const json::value& subject, const std::string& at, bool namespaced, Causes& causes) {
  std::string_view name = json::get_string(subject, "name"), kind = json::get_string(subject, "kind"), group = json::get_string(subject, "apiGroup");
  if (name.empty()) causes.required(at + ".name");
  if (kind == "ServiceAccount") {
    if (auto wrong = names::dns1123_subdomain_error(name); wrong && !name.empty()) causes.invalid(at + ".name", text_at(subject, "name"), *wrong);
    if (!group.empty()) causes.not_supported(at + ".apiGroup", text_at(subject, "apiGroup"), "\"\"");
    if (!namespaced && json::get_string(subject, "namespace").empty()) causes.required(at + ".namespace");
  } else if (kind == "User" || kind == "Group") {
    if (group != kGroup) causes.not_supported(at + ".apiGroup", text_at(subject, "apiGroup"), json::dump(json::value(kGroup)));
  } else {
    causes.not_supported(at + ".kind", text_at(subject, "kind"), "\"Group\", \"ServiceAccount\", \"User\"");
  }
}

void check_binding(const json::value& object, const json::value* old, bool namespaced, Causes& causes) {
  const json::value* ref = json::find(object, "roleRef");
  if (!ref || !ref->is_object()) return;
  if (json::get_string(*ref, "apiGroup") != kGroup)
    causes.not_supported("roleRef.apiGroup", text_at(*ref, "apiGroup"), json::dump(json::value(kGroup)));
  std::string_view kind = json::get_string(*ref, "kind"), name = json::get_string(*ref, "name");
  bool known = kind == "ClusterRole" || (namespaced && kind == "Role");
  if (!known) causes.not_supported("roleRef.kind", text_at(*ref, "kind"), namespaced ? "\"ClusterRole\", \"Role\"" : "\"ClusterRole\"");
  if (name.empty()) causes.required("roleRef.name");
  const json::array& subjects = json::items(object, "subjects");
  for (size_t i = 0; i < subjects.size(); ++i) check_subject(subjects[i], concat("subjects[", i, "]"), namespaced, causes);
  if (const json::value* before = old ? json::find(*old, "roleRef") : nullptr; before && *before != *ref)
    causes.invalid("roleRef", *ref, "cannot change roleRef");
}

}  // namespace

void validate_rbac(const Subject& s, Causes& causes) {
  if (s.kind.ends_with("Binding")) check_binding(s.object, s.old, s.kind == "RoleBinding", causes);
  else check_role(s.object, s.kind == "Role", causes);
}

}  // namespace serin::kube
