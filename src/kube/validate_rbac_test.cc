#include <gtest/gtest.h>

#include <algorithm>

#include "base/strings.h"
#include "kube/builtin_validation.h"

namespace serin::kube {
namespace {

std::vector<std::string> wrong(const char* kind, std::string text, const json::value* old = nullptr) {
  std::replace(text.begin(), text.end(), '\'', '"');
  auto doc = json::parse(text);
  EXPECT_TRUE(doc) << text;
  std::vector<std::string> out;
  for (const Cause& cause : validate_builtin(*doc, old, {"rbac.authorization.k8s.io", "v1", kind})) out.push_back(concat(cause.field, ": ", cause.message));
  return out;
}
using Strings = std::vector<std::string>;

TEST(ValidateRbac, Roles) {
  EXPECT_EQ(wrong("Role", R"({'metadata':{'name':'a','namespace':'b'},'rules':[{'verbs':['get'],'apiGroups':[''],'resources':['pods']}]})"), Strings{});
  EXPECT_EQ(wrong("Role", R"({'metadata':{'name':'a','namespace':'b'},'rules':[{'verbs':[]},{'verbs':['get'],'nonResourceURLs':['/x']}]})"),
            (Strings{"rules[0].verbs: Required value: verbs must contain at least one value",
                     "rules[0].apiGroups: Required value: resource rules must supply at least one api group",
                     "rules[0].resources: Required value: resource rules must supply at least one resource",
                     R"(rules[1].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs)"}));
  EXPECT_EQ(wrong("ClusterRole", R"({'metadata':{'name':'system:a'},'rules':[{'verbs':['get'],'nonResourceURLs':['/x']}]})"), Strings{});
  EXPECT_EQ(wrong("ClusterRole", R"({'metadata':{'name':'a'},'rules':[{'verbs':['get'],'nonResourceURLs':['/x'],'resources':['pods']}],'aggregationRule':{}})"),
            (Strings{R"(rules[0].nonResourceURLs: Invalid value: ["/x"]: rules cannot apply to both regular resources and non-resource URLs)",
                     "aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil"}));
}

TEST(ValidateRbac, Bindings) {
  EXPECT_EQ(wrong("RoleBinding", R"({'metadata':{'name':'a','namespace':'b'},'roleRef':{'apiGroup':'rbac.authorization.k8s.io','kind':'Role','name':'r'},
                                    'subjects':[{'kind':'User','apiGroup':'rbac.authorization.k8s.io','name':'ann'},{'kind':'ServiceAccount','name':'x'}]})"), Strings{});
  EXPECT_EQ(wrong("ClusterRoleBinding", R"({'metadata':{'name':'a'},'roleRef':{'apiGroup':'x','kind':'Role','name':''},
                                           'subjects':[{'kind':'User','name':''},{'kind':'ServiceAccount','apiGroup':'y','name':'x'},{'kind':'Robot','name':'r'}]})"),
            (Strings{R"(roleRef.apiGroup: Unsupported value: "x": supported values: "rbac.authorization.k8s.io")",
                     R"(roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole")", "roleRef.name: Required value",
                     "subjects[0].name: Required value", R"(subjects[0].apiGroup: Unsupported value: "": supported values: "rbac.authorization.k8s.io")",
                     R"(subjects[1].apiGroup: Unsupported value: "y": supported values: "")", "subjects[1].namespace: Required value",
                     R"(subjects[2].kind: Unsupported value: "Robot": supported values: "Group", "ServiceAccount", "User")"}));
}

}  // namespace
}  // namespace serin::kube
