#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "base/strings.h"
#include "kube/schema.h"

namespace serin::kube {
namespace {

json::value doc(std::string_view text) {
  auto parsed = json::parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed ? *parsed : json::value();
}

struct Case {
  const char *name, *type, *object, *patch, *want;
};

class StrategicMerge : public testing::TestWithParam<Case> {};

TEST_P(StrategicMerge, Merges) {
  const Case& c = GetParam();
  auto merged = strategic_merge(doc(c.object), doc(c.patch), *builtin_type(c.type));
  ASSERT_TRUE(merged) << merged.error().message;
  EXPECT_EQ(*merged, doc(c.want)) << json::dump(*merged);
}

INSTANTIATE_TEST_SUITE_P(
    Table, StrategicMerge,
    testing::Values(
        Case{"ScalarsAndNulls", "core/v1.PodSpec", R"({"nodeName":"a","hostname":"h"})",
             R"({"nodeName":"b","hostname":null,"subdomain":null})", R"({"nodeName":"b"})"},
        Case{"ListByKey", "core/v1.PodSpec",
             R"({"containers":[{"name":"a","image":"1"},{"name":"b","image":"1"}]})",
             R"({"containers":[{"name":"b","image":"2"}]})",
             R"({"containers":[{"name":"a","image":"1"},{"name":"b","image":"2"}]})"},
        Case{"NewItemsStandBeforeTheServersUnlessItsOrderSaysOtherwise", "core/v1.PodSpec",
             R"({"containers":[{"name":"a"}]})", R"({"containers":[{"name":"n"}]})",
             R"({"containers":[{"name":"n"},{"name":"a"}]})"},
        Case{"DeleteItem", "core/v1.PodSpec", R"({"containers":[{"name":"a"},{"name":"b"}]})",
             R"({"containers":[{"$patch":"delete","name":"a"}]})", R"({"containers":[{"name":"b"}]})"},
        Case{"ReplaceList", "core/v1.PodSpec", R"({"containers":[{"name":"a","image":"1"}]})",
             R"({"containers":[{"name":"b"},{"$patch":"replace"}]})", R"({"containers":[{"name":"b"}]})"},
        Case{"AtomicListIsReplaced", "core/v1.PodSpec", R"({"tolerations":[{"key":"a"}]})",
             R"({"tolerations":[{"key":"b"}]})", R"({"tolerations":[{"key":"b"}]})"},
        Case{"PrimitiveSet", "meta/v1.ObjectMeta", R"({"finalizers":["a","b"]})",
             R"({"finalizers":["c","a"]})", R"({"finalizers":["c","a","b"]})"},
        Case{"DeleteFromPrimitiveList", "meta/v1.ObjectMeta", R"({"finalizers":["a","b","c"]})",
             R"({"$deleteFromPrimitiveList/finalizers":["a","c"]})", R"({"finalizers":["b"]})"},
        Case{"ReplaceMap", "meta/v1.ObjectMeta", R"({"labels":{"a":"1","b":"2"}})",
             R"({"labels":{"$patch":"replace","c":"3"}})", R"({"labels":{"c":"3"}})"},
        Case{"DeleteMap", "meta/v1.ObjectMeta", R"({"labels":{"a":"1"}})",
             R"({"labels":{"$patch":"delete"}})", R"({"labels":{}})"},
        Case{"RetainKeys", "apps/v1.DeploymentSpec",
             R"({"strategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":1}}})",
             R"({"strategy":{"$retainKeys":["type"],"type":"Recreate"}})", R"({"strategy":{"type":"Recreate"}})"},
        Case{"RetainKeysInVolumes", "core/v1.PodSpec", R"({"volumes":[{"name":"v","emptyDir":{}}]})",
             R"({"volumes":[{"$retainKeys":["name","configMap"],"name":"v","configMap":{"name":"c"}}]})",
             R"({"volumes":[{"name":"v","configMap":{"name":"c"}}]})"},
        Case{"SetElementOrder", "core/v1.PodSpec", R"({"containers":[{"name":"a"},{"name":"x"},{"name":"b"}]})",
             R"({"$setElementOrder/containers":[{"name":"b"},{"name":"a"},{"name":"n"}],
                 "containers":[{"name":"b","image":"2"},{"name":"n"}]})",
             R"({"containers":[{"name":"x"},{"name":"b","image":"2"},{"name":"a"},{"name":"n"}]})"},
        Case{"SetElementOrderAlone", "core/v1.PodSpec", R"({"containers":[{"name":"a"},{"name":"b"}]})",
             R"({"$setElementOrder/containers":[{"name":"b"},{"name":"a"}]})",
             R"({"containers":[{"name":"b"},{"name":"a"}]})"},
        Case{"DirectivesVanishInNewMembers", "core/v1.PodSpec", "{}",
             R"({"containers":[{"name":"a","env":null},{"$patch":"delete","name":"b"}],
                 "securityContext":{"$retainKeys":["runAsUser"],"runAsUser":1}})",
             R"({"containers":[{"name":"a"}],"securityContext":{"runAsUser":1}})"},
        Case{"ServicePortsByPort", "core/v1.ServiceSpec", R"({"ports":[{"port":80,"name":"http"}]})",
             R"({"ports":[{"port":80,"targetPort":8080}]})",
             R"({"ports":[{"port":80,"name":"http","targetPort":8080}]})"}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(StrategicMergeErrors, AreBadRequests) {
  auto error = [](const char* patch) {
    auto merged = strategic_merge(doc(R"({"containers":[{"name":"a"}]})"), doc(patch), *builtin_type("core/v1.PodSpec"));
    EXPECT_FALSE(merged) << patch;
    EXPECT_TRUE(failed_with(merged, Code::kBadRequest));
  };
  error("[]");
  error(R"({"containers":[{"image":"x"}]})");
  error(R"({"$patch":"twist"})");
  error(R"({"containers":[{"name":"a","$patch":"twist"}]})");
  error(R"({"$retainKeys":["nodeName"],"hostname":"x"})");
  error(R"({"$setElementOrder/containers":[{"name":"b"}],"containers":[{"name":"a"}]})");
  error(R"({"$setElementOrder/containers":1})");
  error(R"({"$deleteFromPrimitiveList/containers":1})");
}

/// Different letters in any order.
std::vector<char> letters(char from, char to) {
  std::vector<char> out;
  for (char c : *rc::gen::container<std::vector<char>>(rc::gen::inRange(from, to)))
    if (std::find(out.begin(), out.end(), c) == out.end()) out.push_back(c);
  return out;
}

/// A small pod spec: some containers with an image and environment, in any order.
json::value some_spec() {
  json::array containers;
  for (char name : letters('a', 'f')) {
    json::array env;
    for (char key : letters('A', 'E'))
      env.push_back(json::object{{"name", std::string_view(&key, 1)}, {"value", std::to_string(*rc::gen::inRange(0, 3)).c_str()}});
    containers.push_back(json::object{{"name", std::string_view(&name, 1)},
                                      {"image", std::to_string(*rc::gen::inRange(0, 3)).c_str()},
                                      {"env", std::move(env)}});
  }
  return json::object{{"containers", std::move(containers)}};
}

TEST(StrategicMerge, ALongListIsMergedItemByItem) {
  // A merge that compared every item with every other would not come back.
  constexpr int kItems = 20'000;
  json::array live, patch, order;
  for (int i = 0; i < kItems; ++i) {
    std::string name = concat("c", i);
    live.push_back(json::object{{"name", name}, {"image", "old"}});
    if (i % 2) patch.push_back(json::object{{"name", name}, {"image", "new"}});
    else patch.push_back(json::object{{"name", name}, {"$patch", "delete"}});
    if (i % 2) order.push_back(json::object{{"name", name}});
  }
  auto merged = strategic_merge(json::object{{"containers", live}}, json::object{{"containers", patch}, {"$setElementOrder/containers", order}},
                                *builtin_type("core/v1.PodSpec"));
  ASSERT_TRUE(merged) << merged.error().message;
  const json::array& left = json::items(*merged, "containers");
  ASSERT_EQ(left.size(), static_cast<size_t>(kItems / 2));
  EXPECT_EQ(json::get_string(left[0], "name"), "c1");
  EXPECT_EQ(json::get_string(left.back(), "image"), "new");
}

RC_GTEST_PROP(StrategicMergeLaws, SameConfigTwiceChangesNothing, ()) {
  const Schema& schema = *builtin_type("core/v1.PodSpec");
  json::value live = some_spec(), patch = some_spec();
  auto once = strategic_merge(live, patch, schema);
  RC_ASSERT(once.has_value());
  auto twice = strategic_merge(*once, patch, schema);
  RC_ASSERT(twice.has_value());
  RC_ASSERT(*once == *twice);
}

RC_GTEST_PROP(StrategicMergeLaws, NothingOfEitherSideIsLost, ()) {
  const Schema& schema = *builtin_type("core/v1.PodSpec");
  json::value live = some_spec(), patch = some_spec();
  auto merged = strategic_merge(live, patch, schema);
  RC_ASSERT(merged.has_value());
  auto has = [](const json::value& list, std::string_view name) -> const json::value* {
    for (const json::value& item : json::items(list, "containers"))
      if (json::get_string(item, "name") == name) return &item;
    return nullptr;
  };
  for (const json::value& container : json::items(live, "containers"))
    RC_ASSERT(has(*merged, json::get_string(container, "name")));
  for (const json::value& container : json::items(patch, "containers")) {
    const json::value* found = has(*merged, json::get_string(container, "name"));
    RC_ASSERT(found);
    RC_ASSERT(json::get_string(*found, "image") == json::get_string(container, "image"));
  }
}

RC_GTEST_PROP(StrategicMergeLaws, AnEmptyPatchChangesNothing, ()) {
  json::value live = some_spec();
  RC_ASSERT(*strategic_merge(live, json::object(), *builtin_type("core/v1.PodSpec")) == live);
}

}  // namespace
}  // namespace serin::kube
