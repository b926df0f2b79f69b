// Questions to a policy: the rules of RBAC one by one, then random policies against a reference that reads the objects
// anew for each question.

#include "apiserver/auth/rbac/policy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "base/strings.h"

namespace serin::apiserver::rbac {
namespace {

json::value doc(std::string_view text) {
  std::string json(text);
  std::replace(json.begin(), json.end(), '\'', '"');
  auto parsed = json::parse(json);
  EXPECT_TRUE(parsed) << text;
  return parsed ? *parsed : json::value();
}
RolePtr role(std::string_view text) { return std::make_shared<const Role>(Role::read(doc(text))); }
BindingPtr binding(std::string_view text) { return std::make_shared<const Binding>(Binding::read(doc(text))); }

UserPtr user(std::string name, std::vector<std::string> groups = {}) {
  return std::make_shared<const User>(User{std::move(name), std::move(groups), {}, {}});
}

/// "get pods/log.apps in ns named x" without the words: verb, group, resource[/subresource], ns, name.
AccessRequest question(UserPtr who, std::string verb, std::string group, std::string_view resource, std::string ns = {}, std::string name = {}) {
  AccessRequest access;
  access.user = std::move(who);
  access.verb = std::move(verb);
  access.group = std::move(group);
  auto parts = cut(resource, '/');
  access.resource = parts ? parts->first : resource;
  if (parts) access.subresource = parts->second;
  access.ns = std::move(ns);
  access.name = std::move(name);
  return access;
}
AccessRequest path_question(UserPtr who, std::string verb, std::string path) {
  AccessRequest access;
  access.user = std::move(who);
  access.verb = std::move(verb);
  access.path = std::move(path);
  return access;
}

TEST(Policy, RulesAreReadAsKubernetesReadsThem) {
  Policy policy({role(R"({'metadata':{'name':'wide'},'rules':[
                   {'verbs':['get','list'],'apiGroups':[''],'resources':['pods','pods/log']},
                   {'verbs':['update'],'apiGroups':['*'],'resources':['*/scale']},
                   {'verbs':['get'],'apiGroups':['apps'],'resources':['deployments'],'resourceNames':['web']},
                   {'verbs':['*'],'apiGroups':['batch'],'resources':['*']},
                   {'verbs':['get'],'nonResourceURLs':['/metrics','/logs/*']}]})"),
                 role(R"({'metadata':{'name':'secrets','namespace':'dev'},'rules':[{'verbs':['get'],'apiGroups':[''],'resources':['secrets']}]})")},
                {binding(R"({'metadata':{'name':'all'},'roleRef':{'kind':'ClusterRole','name':'wide'},'subjects':[{'kind':'User','name':'ann'}]})"),
                 binding(R"({'metadata':{'name':'b','namespace':'dev'},'roleRef':{'kind':'Role','name':'secrets'},'subjects':[
                   {'kind':'Group','name':'devs'},{'kind':'ServiceAccount','name':'robot','namespace':'ops'},{'kind':'ServiceAccount','name':'local'}]})"),
                 binding(R"({'metadata':{'name':'lost','namespace':'dev'},'roleRef':{'kind':'Role','name':'gone'},'subjects':[{'kind':'User','name':'eve'}]})")});
  UserPtr ann = user("ann");
  auto yes = [&](const AccessRequest& access) { return policy.decide(access).allowed; };
  EXPECT_TRUE(yes(question(ann, "get", "", "pods")));
  EXPECT_TRUE(yes(question(ann, "list", "", "pods", "anywhere")));
  EXPECT_TRUE(yes(question(ann, "get", "", "pods/log", "dev", "x")));
  EXPECT_FALSE(yes(question(ann, "get", "", "pods/exec", "dev", "x")));
  EXPECT_FALSE(yes(question(ann, "watch", "", "pods")));
  EXPECT_FALSE(yes(question(ann, "get", "apps", "pods")));
  EXPECT_TRUE(yes(question(ann, "update", "example.com", "widgets/scale", "dev", "x")));
  EXPECT_FALSE(yes(question(ann, "update", "example.com", "widgets", "dev", "x")));
  EXPECT_TRUE(yes(question(ann, "get", "apps", "deployments", "dev", "web")));
  EXPECT_FALSE(yes(question(ann, "get", "apps", "deployments", "dev", "other")));
  EXPECT_FALSE(yes(question(ann, "get", "apps", "deployments", "dev")));
  EXPECT_TRUE(yes(question(ann, "deletecollection", "batch", "jobs/status", "dev")));
  EXPECT_TRUE(yes(path_question(ann, "get", "/metrics")));
  EXPECT_TRUE(yes(path_question(ann, "get", "/logs/a/b")));
  EXPECT_FALSE(yes(path_question(ann, "get", "/logs")));
  EXPECT_FALSE(yes(path_question(ann, "get", "/metrics/x")));
  EXPECT_FALSE(yes(path_question(ann, "put", "/metrics")));

  EXPECT_TRUE(yes(question(user("bob", {"devs"}), "get", "", "secrets", "dev", "s")));
  EXPECT_FALSE(yes(question(user("bob", {"devs"}), "get", "", "secrets", "prod", "s")));
  EXPECT_FALSE(yes(question(user("bob", {"devs"}), "get", "", "secrets", "", "s")));
  EXPECT_FALSE(yes(question(user("devs"), "get", "", "secrets", "dev", "s")));
  EXPECT_TRUE(yes(question(user("system:serviceaccount:ops:robot"), "get", "", "secrets", "dev", "s")));
  EXPECT_TRUE(yes(question(user("system:serviceaccount:dev:local"), "get", "", "secrets", "dev", "s")));
  EXPECT_FALSE(yes(question(user("system:serviceaccount:prod:local"), "get", "", "secrets", "dev", "s")));
  EXPECT_TRUE(yes(question(user("root", {kMastersGroup}), "delete", "", "nodes", "", "n")));

  EXPECT_EQ(policy.decide(question(ann, "get", "", "pods")).reason, R"(RBAC: allowed by ClusterRoleBinding "all" of ClusterRole "wide" to User "ann")");
  EXPECT_EQ(policy.decide(question(user("system:serviceaccount:ops:robot"), "get", "", "secrets", "dev")).reason,
            R"(RBAC: allowed by RoleBinding "b/dev" of Role "secrets" to ServiceAccount "robot/ops")");
  EXPECT_EQ(policy.decide(question(user("eve"), "get", "", "pods", "dev")).reason, R"(RBAC: role.rbac.authorization.k8s.io "gone" not found)");
  EXPECT_EQ(policy.decide(question(user("nobody"), "get", "", "pods", "dev")).reason, "");
}

TEST(Policy, AggregationJoinsTheRulesOfLabelledRoles) {
  std::vector<RolePtr> roles = {
      role(R"({'metadata':{'name':'sum','labels':{'to':'sum'}},'aggregationRule':{'clusterRoleSelectors':[{'matchLabels':{'to':'sum'}},{'matchLabels':{'also':'yes'}}]}})"),
      role(R"({'metadata':{'name':'z','labels':{'to':'sum'}},'rules':[{'verbs':['get'],'apiGroups':[''],'resources':['pods']}]})"),
      role(R"({'metadata':{'name':'a','labels':{'also':'yes','to':'sum'}},'rules':[{'verbs':['list'],'apiGroups':[''],'resources':['pods']},{'verbs':['get'],'apiGroups':[''],'resources':['pods']}]})"),
      role(R"({'metadata':{'name':'other','labels':{'to':'nothing'}},'rules':[{'verbs':['*'],'apiGroups':['*'],'resources':['*']}]})"),
      role(R"({'metadata':{'name':'a','namespace':'dev','labels':{'to':'sum'}},'rules':[{'verbs':['delete'],'apiGroups':[''],'resources':['pods']}]})")};
  EXPECT_EQ(aggregated_rules(*roles[0], roles),
            (std::vector<Rule>{{{"list"}, {""}, {"pods"}, {}, {}}, {{"get"}, {""}, {"pods"}, {}, {}}}));
}

TEST(Rules, WhatOneHolds) {
  auto rules = [](std::string_view text) { return read_rules(doc(text)); };
  auto held = rules(R"({'rules':[{'verbs':['get','list'],'apiGroups':['','apps'],'resources':['pods','*/scale']},
                                 {'verbs':['get'],'apiGroups':[''],'resources':['secrets'],'resourceNames':['a','b']},
                                 {'verbs':['get'],'nonResourceURLs':['/x/*']}]})");
  EXPECT_TRUE(not_covered(held, rules(R"({'rules':[{'verbs':['list','get'],'apiGroups':['apps'],'resources':['pods','web/scale']}]})")).empty());
  EXPECT_TRUE(not_covered(held, rules(R"({'rules':[{'verbs':['get'],'apiGroups':[''],'resources':['secrets'],'resourceNames':['b']},{'verbs':['get'],'nonResourceURLs':['/x/y*']}]})")).empty());
  EXPECT_EQ(describe(not_covered(held, rules(R"({'rules':[{'verbs':['get','watch','delete'],'apiGroups':[''],'resources':['pods']}]})"))),
            R"({APIGroups:[""], Resources:["pods"], Verbs:["watch" "delete"]})");
  EXPECT_EQ(describe(not_covered(held, rules(R"({'rules':[{'verbs':['get'],'apiGroups':[''],'resources':['secrets']},{'verbs':['get'],'nonResourceURLs':['/y']},{'verbs':['get'],'apiGroups':[''],'resources':['secrets'],'resourceNames':['c']}]})"))),
            "{APIGroups:[\"\"], Resources:[\"secrets\"], ResourceNames:[\"c\"], Verbs:[\"get\"]}\n"
            "{APIGroups:[\"\"], Resources:[\"secrets\"], Verbs:[\"get\"]}\n{NonResourceURLs:[\"/y\"], Verbs:[\"get\"]}");
  EXPECT_FALSE(not_covered(held, rules(R"({'rules':[{'verbs':['*'],'apiGroups':[''],'resources':['pods']}]})")).empty());
}

/// The definition of RBAC, read off the objects anew.
bool reference(const json::array& roles, const json::array& bindings, const AccessRequest& access) {
  auto contains = [](const json::value& rule, const char* member, const std::string& text) {
    for (const json::value& item : json::items(rule, member))
      if (item.get_string() == text) return true;
    return false;
  };
  auto rule_allows = [&](const json::value& rule) {
    if (!contains(rule, "verbs", access.verb) && !contains(rule, "verbs", "*")) return false;
    if (!contains(rule, "apiGroups", access.group) && !contains(rule, "apiGroups", "*")) return false;
    std::string full = access.subresource.empty() ? access.resource : access.resource + "/" + access.subresource;
    bool resource = contains(rule, "resources", "*") || contains(rule, "resources", full) ||
                    (!access.subresource.empty() && contains(rule, "resources", "*/" + access.subresource));
    return resource && (json::items(rule, "resourceNames").empty() || contains(rule, "resourceNames", access.name));
  };
  auto is_me = [&](const json::value& subject, std::string_view ns) {
    std::string name(json::get_string(subject, "name"));
    if (json::get_string(subject, "kind") == "User") return name == access.user->name;
    if (json::get_string(subject, "kind") == "Group") return access.user->in_group(name);
    std::string_view of = json::get_string(subject, "namespace");
    return access.user->name == concat("system:serviceaccount:", of.empty() ? ns : of, ":", name);
  };
  for (const json::value& b : bindings) {
    std::string_view ns = json::get_string(b, "metadata", "namespace");
    if (!ns.empty() && ns != access.ns) continue;
    const json::array& subjects = json::items(b, "subjects");
    if (std::none_of(subjects.begin(), subjects.end(), [&](const json::value& s) { return is_me(s, ns); })) continue;
    bool local = json::get_string(b, "roleRef", "kind") == "Role";
    for (const json::value& r : roles) {
      if (json::get_string(r, "metadata", "name") != json::get_string(b, "roleRef", "name")) continue;
      std::string_view role_ns = json::get_string(r, "metadata", "namespace");
      if (local ? role_ns != ns || ns.empty() : !role_ns.empty()) continue;
      for (const json::value& rule : json::items(r, "rules"))
        if (rule_allows(rule)) return true;
    }
  }
  return false;
}

TEST(Policy, AgreesWithTheReferenceOnRandomPolicies) {
  std::mt19937 random(4);
  auto pick = [&](std::vector<std::string> from) { return from[random() % from.size()]; };
  auto some = [&](const std::vector<std::string>& from) {
    json::array out;
    for (const std::string& text : from)
      if (random() % 3 == 0) out.push_back(json::value(text));
    return out;
  };
  const std::vector<std::string> verbs = {"get", "list", "create", "*"}, groups = {"", "apps", "*"}, names = {"a", "b"}, spaces = {"", "dev", "ops"},
                                 resources = {"pods", "pods/log", "*/scale", "deployments", "*"}, people = {"ann", "bob"};
  int allowed = 0;
  for (int round = 0; round < 300; ++round) {
    json::array roles, bindings;
    for (const std::string& ns : spaces)
      for (auto name : {"r1", "r2"}) {
        json::array rules;
        for (unsigned i = random() % 3; i > 0; --i)
          rules.push_back(json::object{{"verbs", some(verbs)}, {"apiGroups", some(groups)}, {"resources", some(resources)},
                                       {"resourceNames", random() % 3 ? json::array() : some(names)}});
        roles.push_back(json::object{{"metadata", json::object{{"name", name}, {"namespace", ns}}}, {"rules", std::move(rules)}});
      }
    for (int i = 0; i < 4; ++i) {
      json::array subjects;
      for (unsigned n = random() % 3; n > 0; --n) {
        std::string kind = pick({"User", "Group", "ServiceAccount"});
        subjects.push_back(json::object{{"kind", kind}, {"name", pick(people)}, {"namespace", kind == "ServiceAccount" ? pick(spaces) : ""}});
      }
      bindings.push_back(json::object{{"metadata", json::object{{"name", concat("b", i)}, {"namespace", pick(spaces)}}},
                                      {"roleRef", json::object{{"kind", pick({"Role", "ClusterRole"})}, {"name", pick({"r1", "r2", "gone"})}}},
                                      {"subjects", std::move(subjects)}});
    }
    std::vector<RolePtr> compiled_roles;
    std::vector<BindingPtr> compiled_bindings;
    for (const json::value& r : roles) compiled_roles.push_back(std::make_shared<const Role>(Role::read(r)));
    for (const json::value& b : bindings) compiled_bindings.push_back(std::make_shared<const Binding>(Binding::read(b)));
    Policy policy(std::move(compiled_roles), std::move(compiled_bindings));
    for (int i = 0; i < 60; ++i) {
      UserPtr who = random() % 2 ? user(pick(people), random() % 2 ? std::vector<std::string>{pick(people)} : std::vector<std::string>())
                                 : user(concat("system:serviceaccount:", pick({"dev", "ops"}), ":", pick(people)));
      AccessRequest access = question(who, pick({"get", "list", "create", "delete"}), pick({"", "apps", "batch"}),
                                      pick({"pods", "pods/log", "deployments", "deployments/scale"}), pick(spaces), pick({"", "a", "b", "c"}));
      bool expected = reference(roles, bindings, access);
      ASSERT_EQ(policy.decide(access).allowed, expected) << access.user->name << ' ' << access.verb << ' ' << access.resource << '/'
                                                         << access.subresource << ' ' << access.ns << '\n' << json::dump(roles) << '\n' << json::dump(bindings);
      allowed += expected;
    }
  }
  EXPECT_GT(allowed, 100);
}

}  // namespace
}  // namespace serin::apiserver::rbac
