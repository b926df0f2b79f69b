// Pods and their ServiceAccounts, through the in-process client.

#include "apiserver/admission/service_account_admission.h"

#include "apiserver/testing/fixture.h"
#include "base/strings.h"

namespace serin::apiserver {
namespace {

using kube::kPods;
using kube::kServiceAccounts;

constexpr const char* kPod = R"({"metadata":{"name":"p","namespace":"default"},
  "spec":{"initContainers":[{"name":"first","image":"i"}],"containers":[{"name":"main","image":"i"}]}})";

class ServiceAccountAdmissionTest : public ServerTest {
 protected:
  void configure(ServerOptions& options) override { options.service_account_admission = true; }
  void account(const std::string& name, json::object more = {}) {
    more["metadata"] = json::object{{"name", name}, {"namespace", "default"}};
    must(client_->create(kServiceAccounts, kube::Object(more)));
  }
  /// kPod with members set in its spec.
  kube::Object pod(const json::object& spec = {}) {
    return object_of(kPod).edit([&](json::value& doc) {
      for (const auto& [member, value] : spec) json::set(doc, {"spec", std::string_view(member)}, value);
    });
  }
};

TEST_F(ServiceAccountAdmissionTest, ANamespaceComesWithItsAccount) {
  must(client_->create(kube::kNamespaces, object_of(R"({"metadata":{"name":"new"}})"), {.dry_run = true}));
  EXPECT_TRUE(failed_with(client_->get(kServiceAccounts, {"new", "default"}), Code::kNotFound));
  must(client_->create(kube::kNamespaces, object_of(R"({"metadata":{"name":"new"}})")));
  kube::Object account = must(client_->get(kServiceAccounts, {"new", "default"}));
  EXPECT_EQ(account.uid().size(), 36u);
  EXPECT_EQ(json::get_string(account.doc(), "metadata", "creationTimestamp"), "2026-01-01T00:00:00Z");
}

TEST_F(ServiceAccountAdmissionTest, APodNeedsItsAccount) {
  ASSERT_TRUE(client_->remove(kServiceAccounts, {"default", "default"}));
  auto refused = client_->create(kPods, pod());
  ASSERT_TRUE(failed_with(refused, Code::kForbidden));
  EXPECT_EQ(refused.error().message,
            "pods \"p\" is forbidden: error looking up service account default/default: serviceaccount \"default\" not found");
  account("default");
  EXPECT_TRUE(failed_with(client_->create(kPods, pod({{"serviceAccountName", "robot"}})), Code::kForbidden));
  account("robot");
  kube::Object made = must(client_->create(kPods, pod({{"serviceAccountName", "robot"}})));
  EXPECT_EQ(json::get_string(made.doc(), "spec", "serviceAccount"), "robot");
}

TEST_F(ServiceAccountAdmissionTest, APodWithoutAnyWordIsTheDefaultAccountAndHasItsToken) {
  json::value pull = json::object{{"imagePullSecrets", json::array{json::object{{"name", "pull"}}}}};
  must(client_->patch(kServiceAccounts, {"default", "default"}, {client::Patch::Type::kMerge, pull}));
  kube::Object made = must(client_->create(kPods, pod()));
  EXPECT_EQ(json::get_string(made.doc(), "spec", "serviceAccountName"), "default");
  EXPECT_EQ(json::dump(*json::find(made.doc(), "spec", "imagePullSecrets")), R"([{"name":"pull"}])");
  const json::value& volume = json::items(made.doc(), "spec", "volumes").at(0);
  std::string name(json::get_string(volume, "name"));
  EXPECT_TRUE(name.starts_with("kube-api-access-"));
  EXPECT_EQ(name.size(), 21u);
  EXPECT_EQ(*json::find(volume, "projected"), *json::parse(R"({"defaultMode":420,"sources":[
    {"serviceAccountToken":{"expirationSeconds":3607,"path":"token"}},
    {"configMap":{"name":"kube-root-ca.crt","items":[{"key":"ca.crt","path":"ca.crt"}]}},
    {"downwardAPI":{"items":[{"path":"namespace","fieldRef":{"apiVersion":"v1","fieldPath":"metadata.namespace"}}]}}]})"));
  json::array mounts{json::object{{"mountPath", kTokenMountPath}, {"name", name}, {"readOnly", true}}};
  for (auto list : {"initContainers", "containers"}) {
    json::value given = json::items(json::items(made.doc(), "spec", list).at(0), "volumeMounts");
    EXPECT_EQ(given, json::value(mounts)) << list;
  }
}

TEST_F(ServiceAccountAdmissionTest, ThePodsWordOnMountingWinsOverTheAccounts) {
  account("shy", {{"automountServiceAccountToken", false}});
  struct Row {
    const char* account;
    std::optional<bool> pod;
    bool mounted;
  };
  for (const Row& row : {Row{"default", {}, true}, Row{"default", false, false}, Row{"shy", {}, false}, Row{"shy", true, true}}) {
    json::object spec{{"serviceAccountName", row.account}};
    if (row.pod) spec["automountServiceAccountToken"] = *row.pod;
    kube::Object made = must(client_->create(kPods, pod(spec), {.dry_run = true}));
    EXPECT_EQ(!json::items(made.doc(), "spec", "volumes").empty(), row.mounted) << row.account;
  }
}

TEST_F(ServiceAccountAdmissionTest, OwnMountsStay) {
  json::value doc = *json::parse(concat(R"({"spec":{"volumes":[{"name":"kube-api-access-mine"},{"name":"x"}],"containers":[
    {"name":"a","volumeMounts":[{"name":"x","mountPath":")", kTokenMountPath, R"("}]},{"name":"b"}]}})"));
  mount_service_account_token(doc, "kube-api-access-new");
  const json::array& containers = json::items(doc, "spec", "containers");
  EXPECT_EQ(json::get_string(json::items(containers.at(0), "volumeMounts").at(0), "name"), "x");
  EXPECT_EQ(json::get_string(json::items(containers.at(1), "volumeMounts").at(0), "name"), "kube-api-access-mine");
  EXPECT_EQ(json::items(doc, "spec", "volumes").size(), 2u);
  json::value once = doc;
  mount_service_account_token(doc, "kube-api-access-new");
  EXPECT_EQ(doc, once);
}

TEST_F(ServiceAccountAdmissionTest, TheInProcessClientGetsTokens) {
  kube::Object wish = object_of(R"({"metadata":{"name":"default","namespace":"default"},"spec":{"expirationSeconds":600}})");
  kube::Object answer = must(client_->create(kServiceAccounts, wish, {.subresource = "token"}));
  EXPECT_EQ(answer.kind(), "TokenRequest");
  EXPECT_FALSE(json::get_string(answer.doc(), "status", "token").empty());
  EXPECT_EQ(json::get_string(answer.doc(), "status", "expirationTimestamp"), "2026-01-01T00:10:00Z");
}

}  // namespace
}  // namespace serin::apiserver
