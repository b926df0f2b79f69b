// Who may do what, over HTTP and TLS: roles, reviews, tokens, certificates, impersonation, paths and bodies.

#include <algorithm>

#include "apiserver/auth/authn/jwt.h"
#include "apiserver/auth/rbac/policy.h"
#include "apiserver/testing/http_fixture.h"
#include "base/time.h"

namespace serin::apiserver {
namespace {

const kube::Resource kClusterRoles{rbac::kGroup, "v1", "clusterroles", "ClusterRole", false};
const kube::Resource kRoles{rbac::kGroup, "v1", "roles", "Role"};
const kube::Resource kClusterRoleBindings{rbac::kGroup, "v1", "clusterrolebindings", "ClusterRoleBinding", false};
const kube::Resource kRoleBindings{rbac::kGroup, "v1", "rolebindings", "RoleBinding"};
constexpr const char* kMaps = "/api/v1/namespaces/default/configmaps";
constexpr auto kPatience = std::chrono::seconds(20);

class SecurityTest : public HttpTest {
 protected:
  void configure(ServerOptions& options) override {
    for (auto name : {"ann", "bob", "eve", "lead"}) options.security.tokens.add(concat("token-of-", name), User{name, {"people"}, concat("uid-", name), {}});
    options.security.token_keys = {key_};
  }
  void SetUp() override {
    HttpTest::SetUp();
    stranger_ = connect(false);
    for (auto ns : {"dev", "ops"}) must(kube::kNamespaces, json::object{{"metadata", json::object{{"name", ns}}}});
  }
  void TearDown() override {
    stranger_.reset();
    HttpTest::TearDown();
  }

  void must(const kube::Resource& resource, json::object doc) {
    auto made = client_->create(resource, kube::Object(json::value(std::move(doc))));
    ASSERT_TRUE(made) << made.error().message;
  }
  void role(const std::string& ns, const std::string& name, std::vector<rbac::Rule> rules) {
    must(ns.empty() ? kClusterRoles : kRoles, {{"metadata", json::object{{"name", name}, {"namespace", ns}}}, {"rules", rbac::write_rules(rules)}});
  }
  void bind(const std::string& ns, const std::string& kind, const std::string& role, const std::string& subject_kind, const std::string& subject,
            const std::string& subject_ns = {}) {
    json::object who{{"kind", subject_kind}, {"name", subject}};
    if (!subject_ns.empty()) who["namespace"] = subject_ns;
    must(ns.empty() ? kClusterRoleBindings : kRoleBindings,
         {{"metadata", json::object{{"name", concat(role, "-", lower(subject))}, {"namespace", ns}}},
          {"roleRef", json::object{{"apiGroup", rbac::kGroup}, {"kind", kind}, {"name", role}}}, {"subjects", json::array{std::move(who)}}});
  }

  /// As somebody with a token; an empty one: without credentials.
  net::Response as(const std::string& token, const std::string& method, const std::string& path, std::string body = {},
                   const std::string& type = "application/json") {
    net::Request r = request(method, "/clusters/work-1" + path, std::move(body), type);
    if (!token.empty()) r.headers.set("Authorization", "Bearer " + token);
    auto response = stranger_->send(r, kPatience);
    EXPECT_TRUE(response) << response.error().message;
    return response ? *response : net::Response();
  }
  std::string message(const net::Response& response) { return std::string(json::get_string(body_of(response), "message")); }

  std::string service_account_token(const std::string& ns, const std::string& name, json::object spec = {}) {
    net::Response made = call("POST", concat("/api/v1/namespaces/", ns, "/serviceaccounts/", name, "/token"),
                              json::dump(json::object{{"apiVersion", "authentication.k8s.io/v1"}, {"kind", "TokenRequest"}, {"spec", std::move(spec)}}));
    EXPECT_EQ(made.status, 201) << made.body;
    return std::string(json::get_string(body_of(made), "status", "token"));
  }
  void service_account(const std::string& ns, const std::string& name) {
    must(kube::kServiceAccounts, {{"metadata", json::object{{"name", name}, {"namespace", ns}}}});
  }

  net::SigningKey key_ = *net::SigningKey::generate();
  std::unique_ptr<net::HttpClient> stranger_;
};

struct Row {
  std::string user, verb, group, resource, subresource, ns, name;
};

std::string path_of(const Row& row) {
  std::string path = row.group.empty() ? "/api/v1" : concat("/apis/", row.group, "/v1");
  if (!row.ns.empty()) path += concat("/namespaces/", row.ns);
  path += concat('/', row.resource);
  if (!row.name.empty()) path += concat('/', row.name);
  if (!row.subresource.empty()) path += concat('/', row.subresource);
  return row.verb == "watch" ? path + "?watch=true&timeoutSeconds=1" : path;
}
std::string method_of(const std::string& verb) {
  if (verb == "create") return "POST";
  if (verb == "update") return "PUT";
  if (verb == "patch") return "PATCH";
  return verb.starts_with("delete") ? "DELETE" : "GET";
}

TEST_F(SecurityTest, RequestsAndReviewsAgree) {
  role("", "reader", {{{"get", "list", "watch"}, {"", "apps"}, {"configmaps", "deployments", "pods/log"}, {}, {}}});
  role("dev", "writer", {{{"*"}, {""}, {"configmaps"}, {}, {}}, {{"get"}, {""}, {"secrets"}, {"open"}, {}}, {{"patch", "get"}, {"*"}, {"*/scale"}, {}, {}}});
  bind("", "ClusterRole", "reader", "User", "ann");
  bind("dev", "Role", "writer", "User", "bob");
  bind("ops", "ClusterRole", "reader", "User", "bob");
  bind("ops", "ClusterRole", "edit", "User", "lead");
  auto expected = [](const Row& row) {
    bool reads = row.verb == "get" || row.verb == "list" || row.verb == "watch";
    bool readable = reads && row.subresource != "scale" && (row.resource == "configmaps" || row.resource == "deployments" || row.subresource == "log");
    if (row.user == "ann") return readable;
    if (row.user == "bob" && row.ns == "ops") return readable;
    if (row.user == "bob" && row.ns == "dev")
      return row.resource == "configmaps" || (row.resource == "secrets" && row.verb == "get" && row.name == "open") ||
             (row.subresource == "scale" && (row.verb == "get" || row.verb == "patch"));
    return false;
  };
  int allowed = 0, asked = 0;
  for (auto user : {"ann", "bob", "eve"})
    for (auto ns : {"", "dev", "ops"})
      for (auto [group, resource, subresource] : {std::tuple{"", "configmaps", ""}, {"", "secrets", ""}, {"", "pods", "log"}, {"apps", "deployments", "scale"}})
        for (auto verb : {"get", "list", "create", "patch", "delete", "deletecollection"}) {
          bool collection = verb == std::string("list") || verb == std::string("create") || verb == std::string("deletecollection");
          if (*subresource && collection) continue;
          if (!*ns && verb != std::string("list")) continue;
          Row row{user, verb, group, resource, subresource, ns, collection ? "" : "open"};
          bool may = expected(row);
          SCOPED_TRACE(concat(user, ' ', verb, ' ', resource, '/', subresource, " in ", ns));
          std::string body = row.verb == "patch" || row.verb == "create" ? "{}" : "";
          net::Response response = as(concat("token-of-", user), method_of(verb), path_of(row), body,
                                      row.verb == "patch" ? "application/merge-patch+json" : "application/json");
          EXPECT_EQ(response.status != 403, may) << response.body;
          json::object attributes{{"verb", verb}, {"group", group}, {"resource", resource}, {"subresource", subresource}, {"namespace", ns}, {"name", row.name}};
          json::value review = json::object{{"spec", json::object{{"resourceAttributes", attributes}}}};
          net::Response self = as(concat("token-of-", user), "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", json::dump(review));
          EXPECT_EQ(json::get_bool(body_of(self), !may, "status", "allowed"), may) << self.body;
          json::set(review, {"spec", "user"}, json::value(user));
          json::set(review, {"spec", "groups"}, json::array{"people", "system:authenticated"});
          net::Response other = call("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", json::dump(review));
          EXPECT_EQ(json::get_bool(body_of(other), !may, "status", "allowed"), may) << other.body;
          allowed += may;
          ++asked;
        }
  EXPECT_GT(asked, 100);
  EXPECT_GT(allowed, 10);
}

TEST_F(SecurityTest, RefusalsSayWhat) {
  EXPECT_EQ(message(as("token-of-eve", "GET", "/api/v1/namespaces/dev/pods")),
            R"(pods is forbidden: User "eve" cannot list resource "pods" in API group "" in the namespace "dev")");
  EXPECT_EQ(message(as("token-of-eve", "GET", "/apis/apps/v1/namespaces/dev/deployments/web/scale")),
            R"(deployments.apps "web" is forbidden: User "eve" cannot get resource "deployments/scale" in API group "apps" in the namespace "dev")");
  EXPECT_EQ(message(as("token-of-eve", "GET", "/api/v1/nodes")),
            R"(nodes is forbidden: User "eve" cannot list resource "nodes" in API group "" at the cluster scope)");
  EXPECT_EQ(message(as("token-of-eve", "GET", "/metrics")), R"(forbidden: User "eve" cannot get path "/metrics")");
  bind("dev", "Role", "gone", "User", "eve");
  EXPECT_EQ(message(as("token-of-eve", "GET", "/api/v1/namespaces/dev/pods/x")),
            R"(pods "x" is forbidden: User "eve" cannot get resource "pods" in API group "" in the namespace "dev": RBAC: role.rbac.authorization.k8s.io "gone" not found)");
  EXPECT_EQ(as("token-of-eve", "GET", "/apis").status, 200);
  EXPECT_EQ(as("token-of-eve", "GET", "/openapi/v3").status, 200);
}

TEST_F(SecurityTest, AChangedBindingCountsAtOnce) {
  EXPECT_EQ(as("token-of-ann", "GET", kMaps).status, 403);
  bind("default", "ClusterRole", "view", "User", "ann");
  EXPECT_EQ(as("token-of-ann", "GET", kMaps).status, 200);
  EXPECT_EQ(as("token-of-ann", "GET", "/api/v1/namespaces/default/secrets").status, 403);
  ASSERT_TRUE(client_->remove(kRoleBindings, {"default", "view-ann"}, {}));
  EXPECT_EQ(as("token-of-ann", "GET", kMaps).status, 403);
}

TEST_F(SecurityTest, ANameInTheFieldSelectorIsAName) {
  role("dev", "one", {{{"list", "watch"}, {""}, {"configmaps"}, {"mine"}, {}}});
  bind("dev", "Role", "one", "User", "ann");
  EXPECT_EQ(as("token-of-ann", "GET", "/api/v1/namespaces/dev/configmaps").status, 403);
  EXPECT_EQ(as("token-of-ann", "GET", "/api/v1/namespaces/dev/configmaps?fieldSelector=metadata.name%3Dmine").status, 200);
  EXPECT_EQ(as("token-of-ann", "GET", "/api/v1/namespaces/dev/configmaps?fieldSelector=metadata.name%3Dother").status, 403);
  EXPECT_EQ(as("token-of-ann", "GET", "/api/v1/namespaces/dev/configmaps?fieldSelector=metadata.name!%3Dmine").status, 403);
}

TEST_F(SecurityTest, AnApplyThatCreatesNeedsCreate) {
  role("dev", "patcher", {{{"get", "patch"}, {""}, {"configmaps"}, {}, {}}});
  bind("dev", "Role", "patcher", "User", "ann");
  const std::string config = R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m"},"data":{"a":"b"}})";
  const std::string path = "/api/v1/namespaces/dev/configmaps/m?fieldManager=t";
  net::Response refused = as("token-of-ann", "PATCH", path, config, "application/apply-patch+yaml");
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(message(refused), R"(configmaps "m" is forbidden: User "ann" cannot create resource "configmaps" in API group "" in the namespace "dev")");
  EXPECT_EQ(call("PATCH", path, config, "application/apply-patch+yaml").status, 201);
  EXPECT_EQ(as("token-of-ann", "PATCH", path, config, "application/apply-patch+yaml").status, 200);
}

TEST_F(SecurityTest, NobodyGrantsWhatTheyDoNotHold) {
  role("dev", "lead", {{{"create", "get", "patch", "update"}, {rbac::kGroup}, {"roles", "rolebindings"}, {}, {}}, {{"get", "list"}, {""}, {"pods"}, {}, {}}});
  bind("dev", "Role", "lead", "User", "lead");
  const std::string base = concat("/apis/", rbac::kGroup, "/v1/namespaces/dev/");
  auto make_role = [&](const std::string& name, std::vector<rbac::Rule> rules) {
    return as("token-of-lead", "POST", base + "roles", json::dump(json::object{{"metadata", json::object{{"name", name}}}, {"rules", rbac::write_rules(rules)}}));
  };
  auto make_binding = [&](const std::string& name, const std::string& kind, const std::string& role) {
    return as("token-of-lead", "POST", base + "rolebindings",
              json::dump(json::object{{"metadata", json::object{{"name", name}}},
                                      {"roleRef", json::object{{"apiGroup", rbac::kGroup}, {"kind", kind}, {"name", role}}},
                                      {"subjects", json::array{json::object{{"kind", "User"}, {"name", "eve"}}}}}));
  };
  EXPECT_EQ(make_role("held", {{{"get"}, {""}, {"pods"}, {}, {}}}).status, 201);
  net::Response refused = make_role("more", {{{"get", "delete"}, {""}, {"pods", "secrets"}, {}, {}}});
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(message(refused),
            "roles.rbac.authorization.k8s.io \"more\" is forbidden: user \"lead\" (groups=[\"people\" \"system:authenticated\"]) is attempting to grant "
            "RBAC permissions not currently held:\n{APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"delete\"]}\n"
            "{APIGroups:[\"\"], Resources:[\"secrets\"], Verbs:[\"get\" \"delete\"]}");
  EXPECT_EQ(make_binding("b1", "Role", "held").status, 201);
  EXPECT_EQ(make_binding("b2", "ClusterRole", "cluster-admin").status, 403);
  EXPECT_EQ(make_binding("b3", "ClusterRole", "nowhere").status, 404);
  EXPECT_EQ(as("token-of-eve", "GET", "/api/v1/namespaces/dev/pods/x").status, 404);
  // Nor by an update of what exists, by patch or by PUT.
  EXPECT_EQ(as("token-of-lead", "PATCH", base + "roles/held", R"({"rules":[{"verbs":["*"],"apiGroups":["*"],"resources":["*"]}]})", "application/merge-patch+json").status, 403);
  // The verbs bind and escalate lift it.
  role("", "binder", {{{"bind"}, {rbac::kGroup}, {"clusterroles"}, {"view"}, {}}, {{"escalate"}, {rbac::kGroup}, {"roles"}, {}, {}}});
  bind("dev", "ClusterRole", "binder", "User", "lead");
  EXPECT_EQ(make_binding("b4", "ClusterRole", "view").status, 201);
  EXPECT_EQ(make_binding("b5", "ClusterRole", "edit").status, 403);
  EXPECT_EQ(make_role("any", {{{"*"}, {"*"}, {"*"}, {}, {}}}).status, 201);
  // What a binding refers to does not change.
  net::Response changed = call("PATCH", base + "rolebindings/b1", R"({"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"view"}})", "application/merge-patch+json");
  EXPECT_EQ(changed.status, 422);
  EXPECT_NE(message(changed).find("cannot change roleRef"), std::string::npos);
}

TEST_F(SecurityTest, AnonymousSeesHealthAndVersionAlone) {
  for (auto path : {"/healthz", "/livez", "/readyz", "/version"}) {
    EXPECT_EQ(as("", "GET", path).status, 200) << path;
    EXPECT_EQ(as("no-such-token", "GET", path).status, 401) << path;
  }
  for (auto path : {"/api", "/apis", "/openapi/v3", "/openid/v1/jwks", kMaps, "/metrics"}) {
    net::Response refused = as("", "GET", path);
    EXPECT_EQ(refused.status, 401) << path;
    EXPECT_EQ(message(refused), "Unauthorized");
    EXPECT_EQ(message(as("no-such-token", "GET", path)), "Unauthorized");
  }
}

TEST_F(SecurityTest, TokensOfServiceAccounts) {
  service_account("dev", "robot");
  bind("dev", "ClusterRole", "view", "ServiceAccount", "robot", "dev");
  std::string token = service_account_token("dev", "robot");
  EXPECT_EQ(as(token, "GET", "/api/v1/namespaces/dev/pods").status, 200);
  EXPECT_EQ(as(token, "GET", "/api/v1/namespaces/ops/pods").status, 403);
  json::value me = body_of(as(token, "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}"));
  EXPECT_EQ(json::get_string(me, "status", "userInfo", "username"), "system:serviceaccount:dev:robot");
  EXPECT_EQ(json::dump(*json::find(me, "status", "userInfo", "groups")), R"(["system:serviceaccounts","system:serviceaccounts:dev","system:authenticated"])");

  json::value keys = body_of(as(token, "GET", "/openid/v1/jwks"));
  EXPECT_EQ(json::get_string(json::items(keys, "keys").at(0), "kid"), key_id(key_));
  EXPECT_EQ(json::get_string(body_of(as(token, "GET", "/.well-known/openid-configuration")), "issuer"), "https://kubernetes.default.svc/clusters/work-1");

  const std::string path = "/api/v1/namespaces/dev/serviceaccounts/robot/token";
  auto ask = [&](const char* spec) { return call("POST", path, concat(R"({"kind":"TokenRequest","apiVersion":"authentication.k8s.io/v1","spec":)", spec, "}")); };
  EXPECT_EQ(ask(R"({"expirationSeconds":599})").status, 422);
  EXPECT_EQ(ask(R"({"expirationSeconds":4294967297})").status, 422);
  EXPECT_EQ(ask(R"({"boundObjectRef":{"kind":"ConfigMap","name":"x"}})").status, 400);
  EXPECT_EQ(ask(R"({"boundObjectRef":{"kind":"Pod","name":"x"}})").status, 404);
  EXPECT_EQ(call("POST", "/api/v1/namespaces/dev/serviceaccounts/none/token", "{}").status, 404);
  EXPECT_EQ(as("token-of-eve", "POST", path, "{}").status, 403);

  // A token for others is none here, and TokenReview knows whose it is.
  std::string vault = service_account_token("dev", "robot", {{"audiences", json::array{"vault"}}});
  EXPECT_EQ(as(vault, "GET", "/api/v1/namespaces/dev/pods").status, 401);
  auto review = [&](const std::string& text, json::array audiences) {
    return body_of(call("POST", "/apis/authentication.k8s.io/v1/tokenreviews",
                        json::dump(json::object{{"spec", json::object{{"token", text}, {"audiences", std::move(audiences)}}}})));
  };
  EXPECT_FALSE(json::get_bool(review(vault, {}), true, "status", "authenticated"));
  json::value known = review(vault, {"vault", "other"});
  EXPECT_TRUE(json::get_bool(known, false, "status", "authenticated"));
  EXPECT_EQ(json::dump(*json::find(known, "status", "audiences")), R"(["vault"])");
  EXPECT_EQ(json::get_string(known, "status", "user", "username"), "system:serviceaccount:dev:robot");
  EXPECT_TRUE(json::get_bool(review("token-of-ann", {}), false, "status", "authenticated"));
  EXPECT_FALSE(json::get_bool(review("nothing", {}), true, "status", "authenticated"));

  // A token bound to a Secret ends with it.
  must(kube::kSecrets, {{"metadata", json::object{{"name", "bound"}, {"namespace", "dev"}}}});
  std::string bound = service_account_token("dev", "robot", {{"boundObjectRef", json::object{{"kind", "Secret"}, {"apiVersion", "v1"}, {"name", "bound"}}}});
  EXPECT_EQ(as(bound, "GET", "/api/v1/namespaces/dev/pods").status, 200);
  ASSERT_TRUE(client_->remove(kube::kSecrets, {"dev", "bound"}, {}));
  EXPECT_EQ(as(bound, "GET", "/api/v1/namespaces/dev/pods").status, 401);

  // A cluster does not know the accounts of another, and an account made anew is another one.
  ASSERT_TRUE(server_->add_cluster("work-2"));
  net::Request elsewhere = request("GET", "/clusters/work-2/api/v1/namespaces/dev/pods");
  elsewhere.headers.set("Authorization", "Bearer " + token);
  EXPECT_EQ(stranger_->send(elsewhere, kPatience)->status, 401);
  ASSERT_TRUE(client_->remove(kube::kServiceAccounts, {"dev", "robot"}, {}));
  EXPECT_EQ(as(token, "GET", "/api/v1/namespaces/dev/pods").status, 401);
  service_account("dev", "robot");
  EXPECT_EQ(as(token, "GET", "/api/v1/namespaces/dev/pods").status, 401);
}

TEST_F(SecurityTest, ForgedTokensAreRefused) {
  service_account("dev", "robot");
  auto account = client_->get(kube::kServiceAccounts, {"dev", "robot"});
  ASSERT_TRUE(account);
  int64_t now = std::chrono::duration_cast<std::chrono::seconds>(clock_.now().time_since_epoch()).count();
  const std::string issuer = "https://kubernetes.default.svc/clusters/work-1";
  json::value good = json::object{{"iss", issuer}, {"aud", json::array{json::value(issuer)}}, {"sub", "system:serviceaccount:dev:robot"},
                                  {"iat", now}, {"nbf", now}, {"exp", now + 600},
                                  {"kubernetes.io", json::object{{"namespace", "dev"}, {"serviceaccount", json::object{{"name", "robot"}, {"uid", account->uid()}}}}}};
  auto status = [&](const std::string& token) { return as(token, "GET", "/api").status; };
  auto with = [&](json::Path at, json::value to) {
    json::value claims = good;
    json::set(claims, at, std::move(to));
    return *sign_jwt(key_, claims);
  };
  std::string token = *sign_jwt(key_, good);
  ASSERT_EQ(status(token), 200);
  EXPECT_EQ(status(with({"exp"}, now - 120)), 401);
  EXPECT_EQ(status(with({"exp"}, nullptr)), 401);
  EXPECT_EQ(status(with({"nbf"}, now + 600)), 401);
  EXPECT_EQ(status(with({"iat"}, now + 600)), 401);
  EXPECT_EQ(status(with({"aud"}, json::array{"other"})), 401);
  EXPECT_EQ(status(with({"iss"}, "https://kubernetes.default.svc/clusters/work-2")), 401);
  EXPECT_EQ(status(with({"sub"}, "system:serviceaccount:kube-system:admin")), 401);
  EXPECT_EQ(status(with({"kubernetes.io", "serviceaccount", "uid"}, "another")), 401);
  EXPECT_EQ(status(with({"kubernetes.io", "pod"}, json::object{{"name", "gone"}, {"uid", "u"}})), 401);
  EXPECT_EQ(status(*sign_jwt(*net::SigningKey::generate(), good)), 401);

  std::vector<std::string_view> parts = split(token, '.');
  auto assembled = [&](const char* header, std::string_view signature) { return concat(base64url_encode(header), '.', parts[1], '.', signature); };
  std::string kid = key_id(key_);
  EXPECT_EQ(status(assembled(R"({"alg":"none"})", "")), 401);
  EXPECT_EQ(status(assembled(concat(R"({"alg":"none","kid":")", kid, "\"}").c_str(), parts[2])), 401);
  EXPECT_EQ(status(assembled(concat(R"({"alg":"HS256","kid":")", kid, "\"}").c_str(), base64url_encode(std::string(32, 'x')))), 401);
  EXPECT_EQ(status(assembled(R"({"alg":"ES256"})", parts[2])), 401);
  EXPECT_EQ(status(token.substr(0, token.size() - 3)), 401);
  EXPECT_EQ(status(token.substr(0, token.rfind('.'))), 401);
  EXPECT_EQ(status(concat(parts[0], '.', base64url_encode(json::dump(good) + " "), '.', parts[2])), 401);
  EXPECT_EQ(status(token + "."), 401);
  EXPECT_EQ(status(".."), 401);
  EXPECT_EQ(status(std::string(20'000, 'a') + ".b.c"), 401);
}

TEST_F(SecurityTest, CertificatesOfOthersAndOldOnesAreRefused) {
  auto with = [&](const net::KeyPair& ca, TimePoint issued, std::chrono::days valid) {
    net::CertificateRequest wish;
    wish.common_name = "mallory";
    wish.organizations = {"system:masters"};
    wish.client = true;
    wish.valid_for = valid;
    net::KeyPair pair = *net::issue(ca, wish, issued);
    net::ClientOptions options;
    options.host = "127.0.0.1";
    options.port = http_server_->port();
    options.ca_pem = ca_.certificate_pem;
    options.certificate_pem = pair.certificate_pem;
    options.key_pem = pair.key_pem;
    auto client = *net::HttpClient::create(std::move(options));
    auto response = client->send(request("GET", "/clusters/work-1/api"), kPatience);
    return response ? response->status : 0;  // 0: the handshake failed
  };
  EXPECT_EQ(with(ca_, clock_.now(), std::chrono::days(1)), 200);
  net::KeyPair other = *net::make_ca("serin-test", clock_.now());
  for (int status : {with(other, clock_.now(), std::chrono::days(1)), with(ca_, clock_.now() - std::chrono::days(10), std::chrono::days(1)),
                     with(ca_, clock_.now() + std::chrono::days(10), std::chrono::days(1))})
    EXPECT_TRUE(status == 0 || status == 401) << status;
  EXPECT_EQ(call("GET", "/api").status, 200);
}

TEST_F(SecurityTest, Impersonation) {
  auto whoami = [&](const std::string& token, std::vector<std::pair<std::string, std::string>> headers) {
    net::Request r = request("POST", "/clusters/work-1/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}");
    if (!token.empty()) r.headers.set("Authorization", "Bearer " + token);
    for (auto& [name, value] : headers) r.headers.add(name, value);
    return *(token.empty() ? http_ : stranger_)->send(r, kPatience);
  };
  json::value as_ann = body_of(whoami("", {{"Impersonate-User", "ann"}, {"Impersonate-Group", "devs"}, {"Impersonate-Uid", "7"}, {"Impersonate-Extra-Acme.com%2Fteam", "red"}}));
  EXPECT_EQ(json::dump(*json::find(as_ann, "status", "userInfo")),
            R"({"username":"ann","uid":"7","groups":["devs","system:authenticated"],"extra":{"acme.com/team":["red"]}})");
  json::value robot = body_of(whoami("", {{"Impersonate-User", "system:serviceaccount:dev:robot"}}));
  EXPECT_EQ(json::dump(*json::find(robot, "status", "userInfo", "groups")), R"(["system:serviceaccounts","system:serviceaccounts:dev","system:authenticated"])");
  net::Response refused = whoami("token-of-eve", {{"Impersonate-User", "ann"}});
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(message(refused), R"(users "ann" is forbidden: User "eve" cannot impersonate resource "users" in API group "" at the cluster scope)");
  EXPECT_EQ(whoami("", {{"Impersonate-Group", "system:masters"}}).status, 400);
  role("", "actor", {{{"impersonate"}, {""}, {"users"}, {"ann"}, {}}});
  bind("", "ClusterRole", "actor", "User", "eve");
  EXPECT_EQ(whoami("token-of-eve", {{"Impersonate-User", "ann"}}).status, 201);
  EXPECT_EQ(whoami("token-of-eve", {{"Impersonate-User", "bob"}}).status, 403);
  EXPECT_EQ(whoami("token-of-eve", {{"Impersonate-User", "ann"}, {"Impersonate-Group", "system:masters"}}).status, 403);
  EXPECT_EQ(whoami("token-of-eve", {{"Impersonate-User", "ann"}, {"Impersonate-Extra-x", "y"}}).status, 403);
}

TEST_F(SecurityTest, ReviewsCheckTheirQuestion) {
  const std::string base = "/apis/authorization.k8s.io/v1/";
  EXPECT_EQ(call("POST", base + "selfsubjectaccessreviews", R"({"spec":{}})").status, 422);
  EXPECT_EQ(call("POST", base + "selfsubjectaccessreviews", R"({"spec":{"resourceAttributes":{"verb":"get"},"nonResourceAttributes":{"path":"/"}}})").status, 422);
  EXPECT_EQ(call("POST", base + "subjectaccessreviews", R"({"spec":{"resourceAttributes":{"verb":"get","resource":"pods"}}})").status, 422);
  EXPECT_EQ(call("POST", base + "selfsubjectrulesreviews", R"({"spec":{}})").status, 400);
  EXPECT_EQ(call("POST", "/apis/authentication.k8s.io/v1/tokenreviews", R"({"spec":{}})").status, 400);
  EXPECT_EQ(call("GET", base + "subjectaccessreviews").status, 405);
  const std::string local = base + "namespaces/dev/localsubjectaccessreviews";
  EXPECT_EQ(call("POST", local, R"({"spec":{"user":"ann","resourceAttributes":{"verb":"get","resource":"pods","namespace":"ops"}}})").status, 400);
  bind("dev", "ClusterRole", "view", "User", "ann");
  json::value answer = body_of(call("POST", local, R"({"spec":{"user":"ann","resourceAttributes":{"verb":"get","resource":"pods","namespace":"dev"}}})"));
  EXPECT_TRUE(json::get_bool(answer, false, "status", "allowed"));
  EXPECT_EQ(json::get_string(answer, "status", "reason"), R"(RBAC: allowed by RoleBinding "view-ann/dev" of ClusterRole "view" to User "ann")");
  json::value path = body_of(as("token-of-ann", "POST", base + "selfsubjectaccessreviews", R"({"spec":{"nonResourceAttributes":{"verb":"get","path":"/api/v1"}}})"));
  EXPECT_TRUE(json::get_bool(path, false, "status", "allowed"));
  json::value rules = body_of(as("token-of-ann", "POST", base + "selfsubjectrulesreviews", R"({"spec":{"namespace":"dev"}})"));
  EXPECT_FALSE(json::get_bool(rules, true, "status", "incomplete"));
  EXPECT_GT(json::items(rules, "status", "resourceRules").size(), 10u);
  EXPECT_GT(json::items(rules, "status", "nonResourceRules").size(), 1u);
}

TEST_F(SecurityTest, PathTricksLeadNowhere) {
  bind("dev", "ClusterRole", "view", "User", "ann");
  must(kube::kConfigMaps, {{"metadata", json::object{{"name", "x"}, {"namespace", "ops"}}}});
  for (auto path : {"/api/v1/namespaces/dev%2F..%2Fops/configmaps/x", "/api/v1/namespaces/dev/../ops/configmaps/x", "/api/v1/namespaces/%2e%2e/configmaps",
                    "/api/v1/namespaces/dev/configmaps/..%2F..%2Fops%2Fconfigmaps%2Fx", "/api/v1/namespaces/dev/configmaps/%2e%2e/%2e%2e/ops/configmaps/x",
                    "/api/v1/namespaces/ops%00dev/configmaps/x", "/api/v1/namespaces/dev/pods/..%2f..%2fetc%2fpasswd/log",
                    "/api/v1/namespaces/dev/pods/%2e%2e/log", "/api%2Fv1/namespaces/ops/configmaps/x", "/./api/v1/namespaces/ops/configmaps/x"}) {
    net::Response response = as("token-of-ann", "GET", path);
    EXPECT_TRUE(response.status == 400 || response.status == 403 || response.status == 404) << path << ' ' << response.status << ' ' << response.body;
  }
  EXPECT_EQ(as("token-of-ann", "GET", "//api//v1//namespaces//ops//configmaps//x").status, 403);
  EXPECT_EQ(call("GET", "/api/v1/namespaces/dev/pods/%2e%2e/log").status, 400);
  EXPECT_EQ(call("GET", "/api/v1/namespaces/ops/configmaps/x").status, 200);
}

TEST_F(SecurityTest, BodiesOutOfBoundsAreRefused) {
  EXPECT_EQ(call("POST", kMaps, std::string((3 << 20) + 1, ' ')).status, 413);
  std::string deep = R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":)" + std::string(100'000, '[');
  EXPECT_EQ(call("POST", kMaps, deep).status, 400);
  EXPECT_EQ(call("POST", kMaps, std::string(100'000, '['), "application/yaml").status, 400);
  std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 10; ++i) {
    bomb += concat("a", i, ": &a", i, " [");
    for (int j = 0; j < 10; ++j) bomb += concat(j ? ", " : "", "*a", i - 1);
    bomb += "]\n";
  }
  EXPECT_EQ(call("POST", kMaps, bomb, "application/yaml").status, 400);
  EXPECT_EQ(call("POST", kMaps, std::string("k8s\0garbage", 11), "application/vnd.kubernetes.protobuf").status, 400);
  EXPECT_EQ(call("POST", kMaps, "{}", "application/xml").status, 415);
  json::object big{{"metadata", json::object{{"name", "big"}}}, {"data", json::object{{"k", std::string(1600 << 10, 'x')}}}};
  EXPECT_EQ(call("POST", kMaps, json::dump(big)).status, 422);  // a rule of ConfigMap: at most 1 MiB of data
  json::object container{{"name", "c"}, {"image", "x:1"}, {"args", json::array{std::string(1600 << 10, 'x')}}};
  json::object pod{{"metadata", json::object{{"name", "big"}}}, {"spec", json::object{{"containers", json::array{container}}}}};
  EXPECT_EQ(call("POST", "/api/v1/namespaces/default/pods", json::dump(pod)).status, 413);
  EXPECT_EQ(call("GET", "/readyz").status, 200);
}

}  // namespace
}  // namespace serin::apiserver
