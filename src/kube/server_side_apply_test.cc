#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "base/strings.h"
#include "kube/field_set.h"
#include "kube/schema.h"

namespace serin::kube {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

json::value doc(std::string_view text) {
  auto parsed = json::parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed ? *parsed : json::value();
}

const Schema& deployment() { return *builtin_type("apps/v1.Deployment"); }
const Schema& service() { return *builtin_type("core/v1.Service"); }
const Schema& open() {
  static const SchemaPtr kOpen = *schema_from_openapi(
      doc(R"({"type":"object","x-kubernetes-preserve-unknown-fields":true})"));
  return *kOpen;
}

Manager manager(std::string name, int second = 0, std::string version = "apps/v1") {
  return {std::move(name), std::move(version), "", TimePoint(std::chrono::seconds(1767225600 + second))};
}

json::value apply(const json::value& live, std::string_view config, const Manager& by,
                  const Schema& schema = deployment(), bool force = false) {
  auto result = server_side_apply(live, doc(config), by, force, schema);
  EXPECT_TRUE(result) << result.error().message;
  return result ? *result : json::value();
}

json::value bare(const json::value& object) {
  json::value copy = object;
  json::erase(copy, {"metadata", "managedFields"});
  return copy;
}

/// The fields of a manager's entry, or null.
json::value fields(const json::value& object, std::string_view name, std::string_view operation = "Apply") {
  for (const json::value& entry : json::items(object, "metadata", "managedFields"))
    if (json::get_string(entry, "manager") == name && json::get_string(entry, "operation") == operation)
      return *json::find(entry, "fieldsV1");
  return nullptr;
}

constexpr std::string_view kWeb = R"({"apiVersion":"apps/v1","kind":"Deployment",
  "metadata":{"name":"web","labels":{"app":"web"}},"spec":{"replicas":2,"template":{"spec":{"containers":[
    {"name":"a","image":"x:1","ports":[{"containerPort":80}],"env":[{"name":"A","value":"1"}]}]}}}})";

TEST(Apply, RecordsWhatTheManagerSets) {
  json::value object = apply({}, kWeb, manager("alice"));
  EXPECT_EQ(json::items(object, "metadata", "managedFields")[0], doc(R"({"manager":"alice","operation":"Apply",
    "apiVersion":"apps/v1","time":"2026-01-01T00:00:00Z","fieldsType":"FieldsV1","fieldsV1":{
      "f:metadata":{"f:labels":{"f:app":{}}},
      "f:spec":{"f:replicas":{},"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"a\"}":{".":{},
        "f:env":{"k:{\"name\":\"A\"}":{".":{},"f:name":{},"f:value":{}}},"f:image":{},"f:name":{},
        "f:ports":{"k:{\"containerPort\":80,\"protocol\":\"TCP\"}":{".":{},"f:containerPort":{}}}}}}}}}})"))
      << json::dump_pretty(object);
  EXPECT_EQ(bare(object), doc(kWeb));
}

TEST(Apply, SecondTimeReturnsTheObjectAsItIs) {
  json::value once = apply({}, kWeb, manager("alice"));
  EXPECT_EQ(apply(once, kWeb, manager("alice", 60)), once);
}

TEST(Apply, RemovesWhatIsNoLongerSetAndNobodyElseOwns) {
  json::value live = apply({}, R"({"spec":{"replicas":2,"paused":true,"strategy":{"rollingUpdate":{"maxSurge":1}}}})", manager("alice"));
  json::set(live, {"spec", "strategy", "rollingUpdate", "maxUnavailable"}, "25%");  // defaulted: nobody's
  live = apply(live, R"({"spec":{"paused":true}})", manager("bob"));
  live = apply(live, R"({"spec":{"minReadySeconds":1}})", manager("alice", 1));
  EXPECT_EQ(bare(live), doc(R"({"spec":{"paused":true,"minReadySeconds":1},"metadata":{}})"));
  EXPECT_EQ(fields(live, "bob"), doc(R"({"f:spec":{"f:paused":{}}})"));
}

TEST(Apply, RemovesListItemsWithTheirDefaults) {
  json::value live = apply({}, R"({"spec":{"ports":[{"port":80},{"port":81}]}})", manager("alice"), service());
  for (json::value& port : json::find(live, "spec", "ports")->get_array()) json::set(port, {"protocol"}, "TCP");
  live = apply(live, R"({"spec":{"ports":[{"port":81}]}})", manager("alice", 1), service());
  EXPECT_EQ(*json::find(live, "spec", "ports"), doc(R"([{"port":81,"protocol":"TCP"}])"));
}

TEST(Apply, ConflictsNameTheOtherManagerAndTheField) {
  json::value live = apply({}, kWeb, manager("alice"));
  auto refused = server_side_apply(live, doc(R"({"spec":{"replicas":3}})"), manager("bob"), false, deployment());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kConflict);
  EXPECT_EQ(refused.error().message, "Apply failed with 1 conflict: conflict with \"alice\": .spec.replicas");
  ASSERT_EQ(refused.error().causes.size(), 1u);
  EXPECT_EQ(refused.error().causes[0].reason, "FieldManagerConflict");
  EXPECT_EQ(refused.error().causes[0].message, "conflict with \"alice\"");
  EXPECT_EQ(refused.error().causes[0].field, ".spec.replicas");

  json::value forced = apply(live, R"({"spec":{"replicas":3}})", manager("bob"), deployment(), true);
  EXPECT_EQ(json::get_int(forced, 0, "spec", "replicas"), 3);
  json::value alice = fields(forced, "alice");
  EXPECT_EQ(json::find(alice, "f:spec", "f:replicas"), nullptr);
}

TEST(Apply, ConflictsInsideLists) {
  json::value live = apply({}, kWeb, manager("alice"));
  auto refused = server_side_apply(live, doc(R"({"metadata":{"labels":{"app":"two"}},
    "spec":{"template":{"spec":{"containers":[{"name":"a","image":"x:2"}]}}}})"), manager("bob"), false, deployment());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "Apply failed with 2 conflicts: conflicts with \"alice\":\n- .metadata.labels.app\n"
            "- .spec.template.spec.containers[name=\"a\"].image");
}

TEST(Apply, EqualValuesAreShared) {
  json::value live = apply({}, R"({"spec":{"replicas":2}})", manager("alice"));
  live = apply(live, R"({"spec":{"replicas":2}})", manager("bob"));
  EXPECT_EQ(fields(live, "alice"), fields(live, "bob"));
  live = apply(live, R"({"spec":{}})", manager("alice"));
  EXPECT_EQ(json::get_int(live, 0, "spec", "replicas"), 2);
}

TEST(Apply, EqualQuantitiesAreEqual) {
  json::value live = apply({}, R"({"spec":{"containers":[{"name":"a","resources":{"limits":{"cpu":"1"}}}]}})", manager("alice"), *builtin_type("core/v1.Pod"));
  json::value again = apply(live, R"({"spec":{"containers":[{"name":"a","resources":{"limits":{"cpu":"1000m"}}}]}})", manager("alice"), *builtin_type("core/v1.Pod"));
  EXPECT_EQ(again, live);
}

TEST(Apply, AtomicsAreOwnedWhole) {
  json::value live = apply({}, R"({"spec":{"selector":{"a":"1","b":"2"}}})", manager("alice"), service());
  EXPECT_EQ(fields(live, "alice"), doc(R"({"f:spec":{"f:selector":{}}})"));
  live = apply(live, R"({"spec":{"selector":{"a":"1"}}})", manager("alice"), service());
  EXPECT_EQ(*json::find(live, "spec", "selector"), doc(R"({"a":"1"})"));
}

TEST(Apply, WithoutASchemaTypesAreDeduced) {
  json::value live = apply({}, R"({"spec":{"a":{"x":1},"list":[1,2]}})", manager("alice"), open());
  EXPECT_EQ(fields(live, "alice"),
            doc(R"({"f:spec":{".":{},"f:a":{".":{},"f:x":{}},"f:list":{}}})"));
  live = apply(live, R"({"spec":{"a":{"y":2}}})", manager("bob"), open());
  EXPECT_EQ(*json::find(live, "spec", "a"), doc(R"({"x":1,"y":2})"));
  live = apply(live, R"({"spec":{"list":[3]}})", manager("alice"), open());
  EXPECT_EQ(bare(live), doc(R"({"spec":{"a":{"y":2},"list":[3]},"metadata":{}})"));
}

TEST(Apply, RefusesMalformedConfigurations) {
  auto code = [](const char* config) {
    auto result = server_side_apply({}, doc(config), manager("a"), false, deployment());
    return result ? Code::kInternal : result.error().code;
  };
  EXPECT_EQ(code("[]"), Code::kBadRequest);
  EXPECT_EQ(code(R"({"metadata":{"managedFields":[{"manager":"x"}]}})"), Code::kBadRequest);
  EXPECT_EQ(code(R"({"spec":{"template":{"spec":{"containers":[{"image":"x"}]}}}})"), Code::kBadRequest);
  EXPECT_EQ(code(R"({"spec":{"template":{"spec":{"containers":[{"name":"a"},{"name":"a"}]}}}})"), Code::kBadRequest);
}

TEST(Track, CreateAndUpdateAreRecorded) {
  json::value object = doc(kWeb);
  track_update({}, object, manager("kubectl"), deployment());
  json::value created = fields(object, "kubectl", "Update");
  EXPECT_EQ(*json::find(created, "f:metadata", "f:labels"), doc(R"({".":{},"f:app":{}})"));
  EXPECT_EQ(json::find(created, "f:metadata", "f:name"), nullptr);

  json::value scaled = object;
  json::set(scaled, {"spec", "replicas"}, 5);
  track_update(object, scaled, manager("scaler", 9), deployment());
  EXPECT_EQ(fields(scaled, "scaler", "Update"), doc(R"({"f:spec":{"f:replicas":{}}})"));
  json::value rest = fields(scaled, "kubectl", "Update");
  EXPECT_EQ(json::find(rest, "f:spec", "f:replicas"), nullptr);
}

TEST(Track, NothingChangedNothingDone) {
  json::value object = doc(kWeb);
  track_update({}, object, manager("kubectl"), deployment());
  json::value same = object;
  json::set(same, {"metadata", "resourceVersion"}, "7");
  json::value want = same;
  track_update(object, same, manager("other", 5), deployment());
  EXPECT_EQ(same, want);
  json::erase(same, {"metadata", "managedFields"});
  track_update(object, same, manager("other", 5), deployment());
  EXPECT_EQ(same, want) << "a writer that does not know managedFields must not delete them";
}

TEST(Track, OneEmptyEntryResets) {
  json::value object = doc(kWeb);
  track_update({}, object, manager("kubectl"), deployment());
  json::value reset = object;
  json::set(reset, {"metadata", "managedFields"}, doc("[{}]"));
  track_update(object, reset, manager("kubectl"), deployment());
  EXPECT_EQ(json::find(reset, "metadata", "managedFields"), nullptr);
}

TEST(Track, AClosedBookStaysClosedUntilTheFirstApply) {
  json::value object = doc(kWeb), next = object;
  json::set(next, {"spec", "replicas"}, 7);
  track_update(object, next, manager("editor"), deployment());
  EXPECT_EQ(json::find(next, "metadata", "managedFields"), nullptr);
  json::value applied = apply(next, R"({"metadata":{"labels":{"new":"x"}}})", manager("alice"));
  EXPECT_TRUE(json::find(fields(applied, "before-first-apply", "Update"), "f:spec", "f:replicas"));
  EXPECT_EQ(fields(applied, "alice"), doc(R"({"f:metadata":{"f:labels":{"f:new":{}}}})"));
  auto refused = server_side_apply(next, doc(R"({"spec":{"replicas":9}})"), manager("alice"), false, deployment());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().causes[0].message, "conflict with \"before-first-apply\" using apps/v1");
}

TEST(Apply, KubectlTakesOverWhatItsClientSideApplyLeft) {
  json::value config = doc(kWeb), live = config;
  json::set(live, {"metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration"}, json::value(json::dump_go(config) + "\n"));
  track_update({}, live, manager("kubectl-client-side-apply"), deployment());
  json::set(config, {"spec", "replicas"}, 3);
  EXPECT_FALSE(server_side_apply(live, config, manager("other"), false, deployment())) << "nobody else may";
  json::value applied = apply(live, json::dump(config), manager("kubectl"));
  EXPECT_EQ(json::get_int(applied, 0, "spec", "replicas"), 3);
  auto last = json::parse(json::get_string(applied, "metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration"));
  ASSERT_TRUE(last);
  EXPECT_EQ(*last, config) << "the annotation follows";
  json::value edited = live;
  json::set(edited, {"spec", "replicas"}, 8);
  track_update(live, edited, manager("editor"), deployment());
  auto refused = server_side_apply(edited, config, manager("kubectl"), false, deployment());
  ASSERT_FALSE(refused) << "what somebody has changed since stays a conflict";
  EXPECT_EQ(refused.error().causes.size(), 1u);
}

TEST(Track, RemovedFieldsLeaveEveryEntry) {
  json::value live = apply({}, kWeb, manager("alice"));
  json::value after = live;
  json::erase(after, {"spec", "template"});
  track_update(live, after, manager("editor"), deployment());
  EXPECT_EQ(fields(after, "alice"), doc(R"({"f:metadata":{"f:labels":{"f:app":{}}},"f:spec":{"f:replicas":{}}})"));
  EXPECT_EQ(fields(after, "editor", "Update"), nullptr);
}

TEST(Track, ManyUpdatersAreFolded) {
  json::value object = doc(R"({"metadata":{"name":"x","labels":{}}})");
  track_update({}, object, manager("first"), deployment());
  for (int i = 0; i < 15; ++i) {
    json::value next = object;
    json::set(next, {"metadata", "labels", concat("l", i)}, "v");
    track_update(object, next, manager(concat("m", i), i), deployment());
    object = next;
  }
  std::vector<std::string> names;
  for (const json::value& entry : json::items(object, "metadata", "managedFields"))
    names.emplace_back(json::get_string(entry, "manager"));
  EXPECT_EQ(names.size(), 10u);
  EXPECT_EQ(names[0], "ancient-changes");
}

TEST(Track, ApplyAfterUpdateConflictsWithTheUpdater) {
  json::value object = doc(kWeb);
  track_update({}, object, manager("kubectl"), deployment());
  auto refused = server_side_apply(object, doc(R"({"spec":{"replicas":9}})"), manager("bob"), false, deployment());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "Apply failed with 1 conflict: conflict with \"kubectl\" using apps/v1: .spec.replicas");
}

// ---- laws ----

/// Containers and labels out of small alphabets.
json::value some_config(char from, char to) {
  json::array containers;
  json::object labels;
  std::string seen;
  for (char c : *rc::gen::container<std::string>(rc::gen::inRange(from, to))) {
    if (seen.find(c) != seen.npos) continue;
    seen += c;
    std::string_view name(&c, 1);
    std::string image = std::to_string(*rc::gen::inRange(0, 3));
    containers.push_back(json::object{{"name", name}, {"image", image}});
    if (*rc::gen::arbitrary<bool>()) labels[name] = image;
  }
  json::value config = json::object{{"apiVersion", "apps/v1"}, {"kind", "Deployment"}};
  json::set(config, {"metadata", "name"}, "x");
  json::set(config, {"metadata", "labels"}, std::move(labels));
  json::set(config, {"spec", "template", "spec", "containers"}, std::move(containers));
  return config;
}

RC_GTEST_PROP(ApplyLaws, TheSameConfigTwiceChangesNothing, ()) {
  json::value live = *server_side_apply({}, some_config('a', 'f'), manager("bob"), false, deployment());
  json::value config = some_config('a', 'f');
  auto once = server_side_apply(live, config, manager("alice"), true, deployment());
  RC_ASSERT(once.has_value());
  auto twice = server_side_apply(*once, config, manager("alice", 1), false, deployment());
  RC_ASSERT(twice.has_value());
  RC_ASSERT(*twice == *once);
}

RC_GTEST_PROP(ApplyLaws, DisjointFieldsDoNotConflict, ()) {
  json::value live = *server_side_apply({}, some_config('a', 'd'), manager("bob"), false, deployment());
  auto both = server_side_apply(live, some_config('d', 'h'), manager("alice"), false, deployment());
  RC_ASSERT(both.has_value());
}

RC_GTEST_PROP(ApplyLaws, ApplyingThenApplyingNothingLeavesTheOthersWork, ()) {
  json::value live = *server_side_apply({}, some_config('a', 'd'), manager("bob"), false, deployment());
  json::value both = *server_side_apply(live, some_config('d', 'h'), manager("alice"), false, deployment());
  json::value nothing = doc(R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"x"}})");
  auto back = server_side_apply(both, nothing, manager("alice", 1), false, deployment());
  RC_ASSERT(back.has_value());
  RC_ASSERT(bare(*back) == bare(live));
}

RC_GTEST_PROP(ApplyLaws, TheLastForcedConfigurationHolds, ()) {
  json::value live = *server_side_apply({}, some_config('a', 'f'), manager("bob"), false, deployment());
  json::value config = some_config('a', 'f');
  json::value merged = *server_side_apply(live, config, manager("alice"), true, deployment());
  for (const json::value& wanted : json::items(config, "spec", "template", "spec", "containers")) {
    bool found = false;
    for (const json::value& is : json::items(merged, "spec", "template", "spec", "containers")) found |= is == wanted;
    RC_ASSERT(found);
  }
}

RC_GTEST_PROP(ApplyLaws, UpdatersNeverShareAField, ()) {
  json::value before = some_config('a', 'f'), after = some_config('a', 'f');
  track_update({}, before, manager("one"), deployment());
  track_update(before, after, manager("two", 1), deployment());
  FieldSet one = FieldSet::from_json(fields(after, "one", "Update"));
  FieldSet two = FieldSet::from_json(fields(after, "two", "Update"));
  RC_ASSERT(one.intersect(two).empty());
}

}  // namespace
}  // namespace serin::kube
