#include "apiserver/auth/authn/service_account_tokens.h"

#include <algorithm>

#include "apiserver/auth/authn/jwt.h"
#include "apiserver/auth/rbac/policy.h"
#include "base/strings.h"
#include "base/time.h"
#include "data/json_strings.h"
#include "kube/causes.h"

namespace serin::apiserver {
namespace {

constexpr const char* kPrivateClaims = "kubernetes.io";
constexpr int64_t kDefaultSeconds = 3600, kMinSeconds = 600, kMaxSeconds = int64_t{1} << 32;
constexpr Duration kLeeway = std::chrono::minutes(1);  ///< between clocks, and after a deletion

int64_t unix_seconds(TimePoint time) { return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count(); }

tl::unexpected<Error> refused(std::string why) { return fail(Code::kUnauthorized, std::move(why)); }

Result<json::value> read_object(const Store& store, const Collection& collection, const kube::NamespacedName& name) {
  EntryPtr entry = store.get(collection, name);
  if (!entry) return fail(Code::kNotFound, concat(collection.group_resource, " \"", name.name, "\" not found"));
  return json::parse(entry->bytes);
}

std::vector<std::string> audiences_of(const json::value* value) {
  if (value && value->is_string()) return {std::string(value->get_string())};
  return value && value->is_array() ? json::to_strings(value->get_array()) : std::vector<std::string>();
}

Result<std::chrono::seconds> lifetime_of(const json::value& request) {
  int64_t seconds = json::get_int(request, kDefaultSeconds, "spec", "expirationSeconds");
  kube::Causes causes;
  if (seconds < kMinSeconds) causes.invalid("spec.expirationSeconds", seconds, "may not specify a duration less than 10 minutes");
  if (seconds > kMaxSeconds) causes.invalid("spec.expirationSeconds", seconds, "may not specify a duration larger than 2^32 seconds");
  std::vector<Cause> wrong = causes.take();
  if (wrong.empty()) return std::chrono::seconds(seconds);
  std::string message = concat("TokenRequest.authentication.k8s.io \"\" is invalid: ", wrong[0].field, ": ", wrong[0].message);
  return fail(Error{Code::kInvalid, std::move(message), std::move(wrong)});
}

}  // namespace

std::string ServiceAccountTokens::issuer(const std::string& cluster) const { return concat(options_.issuer, "/clusters/", cluster); }

Result<json::object> ServiceAccountTokens::bound_claim(const std::string& cluster, const kube::NamespacedName& account,
                                                       const json::value& reference) const {
  std::string kind(json::get_string(reference, "kind")), name(json::get_string(reference, "name"));
  std::string_view api_version = json::get_string(reference, "apiVersion");
  bool known = (kind == "Pod" || kind == "Secret" || kind == "Node") && (api_version == "v1" || api_version.empty());
  if (!known) return fail(Code::kBadRequest, concat("cannot bind token to object of type ", api_version, ", Kind=", kind));
  std::string resource = concat(lower(kind), 's');
  json::value object = SERIN_TRY(read_object(store_, {cluster, resource}, {kind == "Node" ? std::string() : account.ns, name}));
  std::string_view uid = json::get_string(object, "metadata", "uid"), asked = json::get_string(reference, "uid");
  if (!asked.empty() && asked != uid)
    return fail(Code::kConflict, concat("Operation cannot be fulfilled on ", kind, " \"", name, "\": the UID in the bound object reference (",
                                        asked, ") does not match the UID in record. The object might have been deleted and then recreated"));
  if (kind == "Pod" && json::get_string(object, "spec", "serviceAccountName") != account.name)
    return fail(Code::kBadRequest, concat("cannot bind token for serviceaccount \"", account.name,
                                          "\" to pod running with different serviceaccount name."));
  json::object claims{{lower(kind), json::object{{"name", name}, {"uid", uid}}}};
  if (std::string node(json::get_string(object, "spec", "nodeName")); kind == "Pod" && !node.empty())
    if (auto found = read_object(store_, {cluster, "nodes"}, {"", node}))
      claims["node"] = json::object{{"name", node}, {"uid", json::get_string(*found, "metadata", "uid")}};
  return claims;
}

Result<json::value> ServiceAccountTokens::request(const std::string& cluster, const kube::NamespacedName& account,
                                                  const json::value& token_request) const {
  json::value object = SERIN_TRY(read_object(store_, {cluster, "serviceaccounts"}, account));
  std::chrono::seconds lifetime = SERIN_TRY(lifetime_of(token_request));
  json::object bound;
  const json::value* reference = json::find(token_request, "spec", "boundObjectRef");
  if (reference && reference->is_object()) bound = SERIN_TRY(bound_claim(cluster, account, *reference));
  std::vector<std::string> audiences = audiences_of(json::find(token_request, "spec", "audiences"));
  if (audiences.empty()) audiences.push_back(issuer(cluster));

  TimePoint now = clock_.now(), end = now + lifetime;
  json::object subject{{"namespace", account.ns},
                       {"serviceaccount", json::object{{"name", account.name}, {"uid", json::get_string(object, "metadata", "uid")}}}};
  for (auto& [name, value] : bound) subject[name] = value;
  json::array audience_list = json::from_strings(audiences);
  json::object claims{{"aud", audience_list}, {"exp", unix_seconds(end)}, {"iat", unix_seconds(now)}, {"iss", issuer(cluster)},
                      {"jti", random_.uuid()}, {kPrivateClaims, std::move(subject)}, {"nbf", unix_seconds(now)},
                      {"sub", rbac::service_account_user(account.ns, account.name)}};
  std::string token = SERIN_TRY(sign_jwt(options_.keys.front(), claims));

  json::value answer = token_request;
  json::object& out = answer.as_object();
  out["apiVersion"] = "authentication.k8s.io/v1";
  out["kind"] = "TokenRequest";
  out["metadata"] = json::object{{"name", account.name}, {"namespace", account.ns}, {"creationTimestamp", format_time(now)}};
  json::set(answer, {"spec", "audiences"}, std::move(audience_list));
  json::set(answer, {"spec", "expirationSeconds"}, lifetime.count());
  out["status"] = json::object{{"token", std::move(token)}, {"expirationTimestamp", format_time(end)}};
  return answer;
}

Result<void> ServiceAccountTokens::check_live(const std::string& cluster, const char* resource, const kube::NamespacedName& name,
                                              std::string_view uid) const {
  auto object = read_object(store_, {cluster, resource}, name);
  if (!object || json::get_string(*object, "metadata", "uid") != uid) return refused(concat(resource, ' ', name.str(), " of the token is gone"));
  auto deletion = parse_time(json::get_string(*object, "metadata", "deletionTimestamp"));
  if (deletion && clock_.now() > *deletion + kLeeway) return refused(concat(resource, ' ', name.str(), " of the token has been deleted"));
  return {};
}

Result<ServiceAccountTokens::Identity> ServiceAccountTokens::verify(const std::string& cluster, std::string_view token,
                                                                    const std::vector<std::string>& audiences) const {
  json::value claims = SERIN_TRY(verify_jwt(token, options_.keys));
  if (json::get_string(claims, "iss") != issuer(cluster)) return refused("the token is of another issuer");
  std::vector<std::string> meant_for = audiences_of(json::find(claims, "aud"));
  Identity identity;
  for (const std::string& audience : audiences)
    if (std::find(meant_for.begin(), meant_for.end(), audience) != meant_for.end()) identity.audiences.push_back(audience);
  if (identity.audiences.empty()) return refused("the token is meant for another audience");
  auto time = [&](const char* claim) { return json::as_int(json::find(claims, claim)); };
  int64_t now = unix_seconds(clock_.now()), leeway = std::chrono::duration_cast<std::chrono::seconds>(kLeeway).count();
  if (!time("exp") || now - leeway > *time("exp")) return refused("the token has expired");
  if (time("nbf") && now + leeway < *time("nbf")) return refused("the token is not valid yet");
  if (time("iat") && now + leeway < *time("iat")) return refused("the token was issued in the future");

  auto read = [&](const char* what, const char* member) { return json::get_string(claims, kPrivateClaims, what, member); };
  std::string ns(json::get_string(claims, kPrivateClaims, "namespace")), name(read("serviceaccount", "name"));
  if (ns.empty() || name.empty() || json::get_string(claims, "sub") != rbac::service_account_user(ns, name))
    return refused("the token's subject and claims disagree");
  SERIN_TRY(check_live(cluster, "serviceaccounts", {ns, name}, read("serviceaccount", "uid")));
  for (auto [claim, resource] : {std::pair{"secret", "secrets"}, {"pod", "pods"}})
    if (!read(claim, "name").empty()) SERIN_TRY(check_live(cluster, resource, {ns, std::string(read(claim, "name"))}, read(claim, "uid")));
  // A node beside a pod is where that ran; alone it is what the token is bound to.
  if (!read("node", "name").empty() && read("pod", "name").empty())
    SERIN_TRY(check_live(cluster, "nodes", {"", std::string(read("node", "name"))}, read("node", "uid")));

  auto user = std::make_shared<User>();
  user->name = rbac::service_account_user(ns, name);
  user->uid = read("serviceaccount", "uid");
  user->groups = {"system:serviceaccounts", concat("system:serviceaccounts:", ns)};
  if (std::string_view id = json::get_string(claims, "jti"); !id.empty())
    user->extra["authentication.kubernetes.io/credential-id"] = {concat("JTI=", id)};
  for (auto what : {"pod", "node"})
    for (auto member : {"name", "uid"})
      if (std::string_view value = read(what, member); !value.empty())
        user->extra[concat("authentication.kubernetes.io/", what, '-', member)] = {std::string(value)};
  identity.user = std::move(user);
  return identity;
}

json::value ServiceAccountTokens::openid_configuration(const std::string& cluster) const {
  std::string base = options_.external_address.empty() ? issuer(cluster) : concat(options_.external_address, "/clusters/", cluster);
  return json::object{{"issuer", issuer(cluster)},
                      {"jwks_uri", base + "/openid/v1/jwks"},
                      {"response_types_supported", json::array{"id_token"}},
                      {"subject_types_supported", json::array{"public"}},
                      {"id_token_signing_alg_values_supported", json::array{"ES256"}}};
}

json::value ServiceAccountTokens::keys() const { return json_web_key_set(options_.keys); }

}  // namespace serin::apiserver
