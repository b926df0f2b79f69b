// The roles that every cluster has, and what a start does about them.

#include "apiserver/auth/rbac/bootstrap.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "apiserver/auth/rbac/policy.h"
#include "apiserver/testing/fixture.h"

namespace serin::apiserver::rbac {
namespace {

const BootstrapObject& object_named(std::string_view kind, std::string_view name) {
  const auto& all = bootstrap_objects();
  auto found = std::find_if(all.begin(), all.end(), [&](const BootstrapObject& one) {
    return one.resource.kind == kind && json::get_string(one.doc, "metadata", "name") == name;
  });
  EXPECT_NE(found, all.end()) << name;
  return *found;
}

TEST(Bootstrap, EveryBindingHasItsRole) {
  std::vector<RolePtr> roles;
  std::vector<Binding> bindings;
  for (const BootstrapObject& object : bootstrap_objects()) {
    if (object.resource.kind.ends_with("Binding")) bindings.push_back(Binding::read(object.doc));
    else roles.push_back(std::make_shared<const Role>(Role::read(object.doc)));
  }
  Policy policy(roles, {});
  for (const Binding& binding : bindings) EXPECT_TRUE(policy.role(binding.role, binding.name.ns)) << binding.name.str();
  EXPECT_GE(roles.size(), 40u);
}

TEST(Bootstrap, AdminHoldsEditAndEditHoldsView) {
  auto rules = [](std::string_view name) { return read_rules(object_named("ClusterRole", name).doc); };
  EXPECT_TRUE(not_covered(rules("admin"), rules("edit")).empty());
  EXPECT_TRUE(not_covered(rules("edit"), rules("view")).empty());
  EXPECT_FALSE(not_covered(rules("view"), rules("edit")).empty());
  EXPECT_FALSE(not_covered(rules("edit"), rules("admin")).empty());
  AccessRequest secrets;
  secrets.verb = "get";
  secrets.resource = "secrets";
  auto view = rules("view");
  EXPECT_TRUE(std::none_of(view.begin(), view.end(), [&](const Rule& rule) { return allows(rule, secrets); }));
}

TEST(Bootstrap, WhatIsMissingIsAddedAndWhatIsMoreStays) {
  const BootstrapObject& wanted = object_named("ClusterRole", "system:basic-user");
  json::value live = wanted.doc;
  EXPECT_EQ(with_missing(wanted, live), live);
  live.at("rules") = write_rules({{{"create"}, {"authentication.k8s.io"}, {"selfsubjectreviews"}, {}, {}}, {{"get"}, {""}, {"pods"}, {}, {}}});
  json::value completed = with_missing(wanted, live);
  EXPECT_TRUE(not_covered(read_rules(completed), read_rules(wanted.doc)).empty());
  EXPECT_TRUE(not_covered(read_rules(completed), read_rules(live)).empty());
  json::set(live, {"metadata", "annotations", "rbac.authorization.kubernetes.io/autoupdate"}, "false");
  EXPECT_EQ(with_missing(wanted, live), live);

  const BootstrapObject& binding = object_named("ClusterRoleBinding", "system:discovery");
  json::value bound = binding.doc;
  bound.at("subjects") = json::array{json::object{{"kind", "User"}, {"name", "ann"}}};
  EXPECT_EQ(json::items(with_missing(binding, bound), "subjects").size(), 2u);
}

class BootstrapTest : public ServerTest {};

const kube::Resource kClusterRoles{kGroup, "v1", "clusterroles", "ClusterRole", false};

TEST_F(BootstrapTest, AStartPutsBackWhatIsGone) {
  ASSERT_TRUE(client_->remove(kClusterRoles, {"", "view"}, {}));
  auto patched = client_->patch(kClusterRoles, {"", "system:discovery"}, {client::Patch::Type::kMerge, json::object{{"rules", json::array()}}});
  ASSERT_TRUE(patched);
  ASSERT_TRUE(server_->add_cluster("work-1"));
  kube::Object view = must(client_->get(kClusterRoles, {"", "view"}));
  EXPECT_EQ(read_rules(view.doc()), read_rules(object_named("ClusterRole", "view").doc));
  EXPECT_EQ(read_rules(must(client_->get(kClusterRoles, {"", "system:discovery"})).doc()).size(), 11u);
  Revision before = server_->revision();
  ASSERT_TRUE(server_->add_cluster("work-1"));
  EXPECT_EQ(server_->revision(), before);
}

TEST_F(BootstrapTest, ALabelledRoleJoinsEditAndAdminAndLeavesThem) {
  auto covers = [&](const char* role) {
    return not_covered(read_rules(must(client_->get(kClusterRoles, {"", role})).doc()), {{{"get"}, {"example.com"}, {"widgets"}, {}, {}}}).empty();
  };
  kube::Object mine(json::object{
      {"metadata", json::object{{"name", "widgets"}, {"labels", json::object{{"rbac.authorization.k8s.io/aggregate-to-edit", "true"}}}}},
      {"rules", write_rules({{{"get"}, {"example.com"}, {"widgets"}, {}, {}}})}});
  must(client_->create(kClusterRoles, mine));
  EXPECT_TRUE(covers("edit"));
  EXPECT_TRUE(covers("admin"));
  EXPECT_FALSE(covers("view"));
  ASSERT_TRUE(client_->remove(kClusterRoles, {"", "widgets"}, {}));
  EXPECT_FALSE(covers("edit"));
  EXPECT_FALSE(covers("admin"));
}

}  // namespace
}  // namespace serin::apiserver::rbac
