#include "apiserver/auth/rbac/escalation.h"

#include "base/strings.h"

namespace serin::apiserver::rbac {
namespace {

const std::vector<Rule>& everything() {
  static const std::vector<Rule> kEverything{{{"*"}, {"*"}, {"*"}, {}, {}}, {{"*"}, {}, {}, {}, {"*"}}};
  return kEverything;
}

bool aggregates(const json::value& role) { return json::find_object(role, "aggregationRule") != nullptr; }

std::string ns_of(const AdmissionRequest& request) { return std::string(json::get_string(request.object, "metadata", "namespace")); }

tl::unexpected<Error> forbidden(const AdmissionRequest& request, const std::string& why) {
  return fail(Code::kForbidden, concat(request.resource.group_resource(), " \"", json::get_string(request.object, "metadata", "name"),
                                       "\" is forbidden: ", why));
}

/// A write that only takes owners or finalizers away, as garbage collection does.
bool only_for_deletion(const AdmissionRequest& request) {
  if (request.old.empty()) return false;
  json::value before = request.old.doc(), after = request.object;
  for (json::value* doc : {&before, &after})
    for (auto member : {"ownerReferences", "finalizers", "managedFields", "resourceVersion", "generation"}) json::erase(*doc, {"metadata", member});
  return before == after;
}

}  // namespace

Result<void> EscalationCheck::admit(AdmissionRequest& request) {
  if (request.verb == AdmissionRequest::Verb::kDelete || !is_policy_resource(request.resource.group, request.resource.plural)) return {};
  if (request.user.in_group(kMastersGroup) || only_for_deletion(request)) return {};
  return request.resource.kind.ends_with("Binding") ? check_binding(request) : check_role(request);
}

bool EscalationCheck::may(const AdmissionRequest& request, const std::string& verb, const std::string& resource,
                          const std::string& name) const {
  AccessRequest access;
  access.user = std::make_shared<const User>(request.user);
  access.cluster = request.cluster;
  access.verb = verb;
  access.group = kGroup;
  access.version = "*";
  access.resource = resource;
  access.ns = ns_of(request);
  access.name = name;
  return authorizer_.decide(access).allowed;
}

Result<void> EscalationCheck::check_held(const AdmissionRequest& request, const std::vector<Rule>& rules) const {
  Policy::Held held = authorizer_.policy(request.cluster)->held_by(request.user, ns_of(request));
  std::vector<Rule> missing = not_covered(held.rules, rules);
  if (missing.empty()) return {};
  std::string why = concat("user ", quote(request.user.name), " (groups=", quote(request.user.groups),
                           ") is attempting to grant RBAC permissions not currently held:\n", describe(missing));
  if (!held.errors.empty()) why += concat("; resolution errors: [", join(held.errors, ", "), ']');
  return forbidden(request, why);
}

Result<void> EscalationCheck::check_role(const AdmissionRequest& request) const {
  // As the URL has it: a creation names nothing.
  std::string name(request.old.empty() ? std::string_view() : json::get_string(request.object, "metadata", "name"));
  if (may(request, "escalate", request.resource.plural, name)) return {};
  SERIN_TRY(check_held(request, read_rules(request.object)));
  bool aggregated = aggregates(request.object) || (!request.old.empty() && aggregates(request.old.doc()));
  if (aggregated && !check_held(request, everything()))
    return forbidden(request, "must have cluster-admin privileges to use the aggregationRule");
  return {};
}

Result<void> EscalationCheck::check_binding(const AdmissionRequest& request) const {
  Binding binding = Binding::read(request.object);
  std::string resource = binding.role.kind == "Role" ? "roles" : "clusterroles";
  if (may(request, "bind", resource, binding.role.name)) return {};
  RolePtr role = authorizer_.policy(request.cluster)->role(binding.role, binding.name.ns);
  if (!role) return fail(Code::kNotFound, concat(resource, '.', kGroup, ' ', quote(binding.role.name), " not found"));
  return check_held(request, role->rules);
}

}  // namespace serin::apiserver::rbac
