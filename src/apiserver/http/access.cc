#include "apiserver/http/access.h"

#include "apiserver/auth/authn/impersonation.h"
#include "apiserver/http/body.h"
#include "apiserver/http/call.h"
#include "base/strings.h"
#include "kube/selector.h"

namespace serin::apiserver {

AccessRequest access_request(const UserPtr& user, const RequestInfo& info, const net::Request& request) {
  AccessRequest access{user, info.cluster, info.verb, info.group, info.version, info.plural, info.subresource, info.ns, info.name, {}};
  if (!info.is_resource) {
    access.group.clear();
    access.version.clear();
    access.resource.clear();
    access.subresource.clear();
    access.ns.clear();
    access.name.clear();
    access.path = info.path;
    return access;
  }
  // A Namespace stands in itself, so that a role in a namespace can speak of it.
  if (info.group.empty() && info.plural == "namespaces" && !info.name.empty()) access.ns = info.name;
  if (info.name.empty() && info.verb != "create")
    if (auto selector = kube::FieldSelector::parse(request.parameter("fieldSelector")))
      for (const kube::FieldSelector::Term& term : selector->terms())
        if (term.field == "metadata.name" && term.equal) access.name = term.value;
  return access;
}

Error forbidden(const AccessRequest& access, const std::string& reason) {
  auto quote = [](std::string_view text) { return json::dump(json::value(text)); };
  std::string why = reason.empty() ? std::string() : concat(": ", reason);
  if (!access.path.empty())
    return {Code::kForbidden, concat("forbidden: User ", quote(access.user->name), " cannot ", access.verb, " path ", quote(access.path), why)};
  std::string resource = access.subresource.empty() ? access.resource : concat(access.resource, '/', access.subresource);
  std::string what = access.group.empty() ? access.resource : concat(access.resource, '.', access.group);
  if (!access.name.empty()) what += concat(' ', quote(access.name));
  return {Code::kForbidden,
          concat(what, " is forbidden: User ", quote(access.user->name), " cannot ", access.verb, " resource ", quote(resource),
                 " in API group ", quote(access.group),
                 access.ns.empty() ? std::string(" at the cluster scope") : concat(" in the namespace ", quote(access.ns)), why)};
}

Result<void> ApiHandler::authenticate(Call& call, bool open_to_all) {
  UserPtr real = SERIN_TRY(security_.authenticator().authenticate(call.request, call.info.cluster));
  call.record->real = real ? real : anonymous();
  if (open_to_all) return {};
  if (!real) return fail(Code::kUnauthorized, "Unauthorized");
  call.user = real;
  auto impersonation = SERIN_TRY(read_impersonation(call.request.headers, real, call.info.cluster));
  if (!impersonation) return {};
  for (const AccessRequest& needed : impersonation->needed) {
    Decision decision = security_.authorizer().decide(needed);
    if (!decision.allowed) return fail(forbidden(needed, decision.reason));
  }
  call.user = impersonation->user;
  return {};
}

Result<void> ApiHandler::authorize(Call& call) {
  AccessRequest access = access_request(call.user, call.info, call.request);
  Decision decision = security_.authorizer().decide(access);
  call.record->access = access;
  call.record->decision = decision;
  if (!decision.allowed) return fail(forbidden(access, decision.reason));
  if (security_.recorder().wants_body(access)) {
    if (access.verb == "patch") {
      if (auto patch = read_patch(call.request)) call.record->body = patch->first.body;
    } else if (!call.request.body.empty()) {
      if (auto body = read_body(call.request)) call.record->body = std::move(body->value);
    }
  }
  return {};
}

std::shared_ptr<const Error> ApiHandler::create_refusal(const Call& call) const {
  AccessRequest access = access_request(call.user, call.info, call.request);
  access.verb = "create";
  Decision decision = security_.authorizer().decide(access);
  return decision.allowed ? nullptr : std::make_shared<const Error>(forbidden(access, decision.reason));
}

}  // namespace serin::apiserver
