// x-kubernetes-validations: what is refused when the CRD is written, and what when an object is.

#include "kube/cel/rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/strings.h"

namespace serin::kube::cel {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

json::value doc(std::string_view text) {
  auto parsed = json::parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed ? *std::move(parsed) : json::value();
}

std::vector<std::string> lines(const std::vector<Cause>& causes) {
  std::vector<std::string> out;
  for (const Cause& cause : causes) out.push_back(concat(cause.field, ": ", cause.message));
  return out;
}

/// A resource whose spec has this schema.
std::string resource(std::string_view spec) { return concat(R"j({"type":"object","properties":{"spec":)j", spec, "}}"); }

std::vector<std::string> refused(std::string_view spec, SchemaUse use = SchemaUse::kNew) {
  auto schema = schema_from_openapi(doc(resource(spec)), use);
  return schema ? std::vector<std::string>{} : lines(schema.error().causes);
}

std::vector<std::string> broken(std::string_view spec, std::string_view now, std::string_view before = {}) {
  auto schema = schema_from_openapi(doc(resource(spec)));
  if (!schema) return lines(schema.error().causes);
  auto object = [](std::string_view value) {
    return doc(concat(R"j({"apiVersion":"g/v1","kind":"K","metadata":{"name":"n"},"spec":)j", value, "}"));
  };
  json::value is = object(now), was = before.empty() ? json::value() : object(before);
  return lines(validate_custom(is, before.empty() ? nullptr : &was, **schema));
}

constexpr std::string_view kRange = R"j({"type":"object","properties":{"min":{"type":"integer"},"max":{"type":"integer"}},
  "x-kubernetes-validations":[{"rule":"self.min <= self.max"}]})j";

TEST(CelRules, SayWhatTheObjectBreaks) {
  EXPECT_THAT(broken(kRange, R"j({"min":1,"max":2})j"), IsEmpty());
  EXPECT_THAT(broken(kRange, R"j({"min":3,"max":2})j"),
              ElementsAre(R"j(spec: Invalid value: "object": failed rule: self.min <= self.max)j"));
  EXPECT_THAT(broken(kRange, R"j({"min":3})j"),
              ElementsAre(R"j(spec: Invalid value: "object": no such key: max evaluating rule: self.min <= self.max)j"));
}

TEST(CelRules, HaveMessagesReasonsAndPaths) {
  auto with = [](std::string_view more) {
    return concat(R"j({"type":"object","properties":{"a":{"type":"string"},"b.c":{"type":"string"},"n":{"type":"integer"}},
      "x-kubernetes-validations":[{"rule":"self.n < 5",)j", more, "}]}");
  };
  EXPECT_THAT(broken(with(R"j("message":"n is small")j"), R"j({"n":5})j"), ElementsAre(R"j(spec: Invalid value: "object": n is small)j"));
  EXPECT_THAT(broken(with(R"j("messageExpression":"self.n > 9 ? 'n is big' : 'n is 5'","message":"else")j"), R"j({"n":5})j"),
              ElementsAre(R"j(spec: Invalid value: "object": n is 5)j"));
  EXPECT_THAT(broken(with(R"j("messageExpression":"self.a","message":"else")j"), R"j({"n":5})j"),
              ElementsAre(R"j(spec: Invalid value: "object": else)j"));
  EXPECT_THAT(broken(with(R"j("messageExpression":"'  '","message":"else")j"), R"j({"n":5})j"),
              ElementsAre(R"j(spec: Invalid value: "object": else)j"));
  EXPECT_THAT(broken(with(R"j("reason":"FieldValueForbidden","message":"no","fieldPath":".a")j"), R"j({"n":5})j"),
              ElementsAre("spec.a: Forbidden: no"));
  EXPECT_THAT(broken(with(R"j("reason":"FieldValueRequired","message":"needed","fieldPath":"['b.c']")j"), R"j({"n":5})j"),
              ElementsAre("spec.b.c: Required value: needed"));
  EXPECT_THAT(broken(with(R"j("reason":"FieldValueDuplicate","message":"twice")j"), R"j({"n":5})j"),
              ElementsAre(R"j(spec: Duplicate value: "object")j"));
}

TEST(CelRules, ReachEveryElement) {
  constexpr std::string_view kSpec = R"j({"type":"object","properties":{
    "list":{"type":"array","maxItems":9,"items":{"type":"integer","x-kubernetes-validations":[{"rule":"self > 0","message":"positive"}]}},
    "map":{"type":"object","maxProperties":9,"additionalProperties":{"type":"string","maxLength":9,
      "x-kubernetes-validations":[{"rule":"self.startsWith('x')","message":"x"}]}},
    "in":{"type":"object","x-kubernetes-embedded-resource":true,"x-kubernetes-preserve-unknown-fields":true,
      "x-kubernetes-validations":[{"rule":"self.kind == 'A' && self.metadata.name != ''","message":"an A"}]}}})j";
  EXPECT_THAT(
      broken(kSpec, R"j({"list":[1,0,2,-1],"map":{"k":"y","l":"xy"},"in":{"apiVersion":"v1","kind":"B","metadata":{"name":"b"}}})j"),
      testing::UnorderedElementsAre(R"j(spec.list[1]: Invalid value: "integer": positive)j",
                                    R"j(spec.list[3]: Invalid value: "integer": positive)j", R"j(spec.map[k]: Invalid value: "string": x)j",
                                    R"j(spec.in: Invalid value: "object": an A)j"));
}

TEST(CelRules, SeeTheNameOfTheResource) {
  auto schema = schema_from_openapi(
      doc(R"j({"type":"object","x-kubernetes-validations":[{"rule":"self.metadata.name.size() < 3","message":"short"}]})j"));
  ASSERT_TRUE(schema);
  EXPECT_THAT(lines(validate_custom(doc(R"j({"metadata":{"name":"long"}})j"), nullptr, **schema)),
              ElementsAre(R"j(<nil>: Invalid value: "object": short)j"));
}

TEST(CelRules, CompareWithTheOldObject) {
  constexpr std::string_view kFixed = R"j({"type":"object","properties":{"v":{"type":"string","maxLength":9,
    "x-kubernetes-validations":[{"rule":"self == oldSelf","message":"immutable"}]},"other":{"type":"string"}}})j";
  EXPECT_THAT(broken(kFixed, R"j({"v":"a"})j"), IsEmpty());
  EXPECT_THAT(broken(kFixed, R"j({"v":"a"})j", R"j({"v":"a"})j"), IsEmpty());
  EXPECT_THAT(broken(kFixed, R"j({"v":"b"})j", R"j({"v":"a"})j"), ElementsAre(R"j(spec.v: Invalid value: "string": immutable)j"));
  EXPECT_THAT(broken(kFixed, R"j({"v":"b"})j", R"j({"other":"a"})j"), IsEmpty());
  EXPECT_THAT(broken(kFixed, R"j({"other":"b"})j", R"j({"v":"a"})j"), IsEmpty());
}

TEST(CelRules, MayTakeTheOldObjectAsOptional) {
  constexpr std::string_view kSpec = R"j({"type":"object","properties":{"v":{"type":"integer",
    "x-kubernetes-validations":[{"rule":"self == oldSelf.orValue(0) + 1","optionalOldSelf":true,"message":"count"}]}}})j";
  EXPECT_THAT(broken(kSpec, R"j({"v":1})j"), IsEmpty());
  EXPECT_THAT(broken(kSpec, R"j({"v":2})j"), ElementsAre(R"j(spec.v: Invalid value: "integer": count)j"));
  EXPECT_THAT(broken(kSpec, R"j({"v":2})j", R"j({"v":1})j"), IsEmpty());
  EXPECT_THAT(broken(kSpec, R"j({"v":3})j", R"j({"v":1})j"), ElementsAre(R"j(spec.v: Invalid value: "integer": count)j"));
}

TEST(CelRules, FindTheOldElementOfAKeyedList) {
  constexpr std::string_view kSpec = R"j({"type":"object","properties":{"list":{"type":"array","maxItems":9,"x-kubernetes-list-type":"map",
    "x-kubernetes-list-map-keys":["name"],"items":{"type":"object","required":["name"],
      "properties":{"name":{"type":"string","maxLength":9},"v":{"type":"integer"}},
      "x-kubernetes-validations":[{"rule":"self.v >= oldSelf.v","message":"grows"}]}}}})j";
  EXPECT_THAT(
      broken(kSpec, R"j({"list":[{"name":"b","v":1},{"name":"a","v":1}]})j", R"j({"list":[{"name":"a","v":2},{"name":"c","v":9}]})j"),
      ElementsAre(R"j(spec.list[1]: Invalid value: "object": grows)j"));
}

TEST(CelRules, TolerateWhatIsUnchanged) {
  EXPECT_THAT(broken(kRange, R"j({"min":3,"max":2})j", R"j({"min":3,"max":2})j"), IsEmpty());
  EXPECT_THAT(broken(kRange, R"j({"min":4,"max":2})j", R"j({"min":3,"max":2})j"), testing::SizeIs(1));
  constexpr std::string_view kSpec =
      R"j({"type":"object","properties":{"a":{"type":"string","maxLength":2},"b":{"type":"string","enum":["x"]}}})j";
  EXPECT_THAT(broken(kSpec, R"j({"a":"long","b":"x"})j", R"j({"a":"long","b":"y"})j"), IsEmpty());
  EXPECT_THAT(broken(kSpec, R"j({"a":"longer"})j", R"j({"a":"long"})j"), testing::SizeIs(1));
}

TEST(CelRules, WaitUntilTheObjectHasItsShape) {
  constexpr std::string_view kSpec = R"j({"type":"object","required":["min"],"properties":{"min":{"type":"integer"}},
    "x-kubernetes-validations":[{"rule":"self.min > 5"}]})j";
  EXPECT_THAT(broken(kSpec, "{}"), ElementsAre("spec.min: Required value",
                                               StartsWith("<nil>: Invalid value: \"null\": some validation rules were not checked")));
}

TEST(CelRules, ThatCannotBeEvaluatedAreRefused) {
  auto with = [](std::string_view rule) {
    return concat(R"j({"type":"object","properties":{"a":{"type":"string","maxLength":9}},"x-kubernetes-validations":[)j", rule, "]}");
  };
  constexpr std::string_view kAt = "openAPIV3Schema.properties[spec].x-kubernetes-validations[0]";
  EXPECT_THAT(refused(with(R"j({"rule":"self.b == 1"})j")),
              ElementsAre(testing::AllOf(StartsWith(concat(kAt, ".rule: Invalid value: ")), HasSubstr("undefined field 'b'"))));
  EXPECT_THAT(refused(with(R"j({"rule":"self.a ==="})j")), ElementsAre(HasSubstr("compilation failed: ERROR: <input>:1:")));
  EXPECT_THAT(refused(with(R"j({"rule":"self.a"})j")), ElementsAre(HasSubstr("cel expression must evaluate to a bool")));
  EXPECT_THAT(refused(with(R"j({"rule":"authorizer.check()"})j")), ElementsAre(HasSubstr("undeclared reference to 'authorizer'")));
  EXPECT_THAT(refused(with(R"j({"rule":""})j")), ElementsAre(concat(kAt, ".rule: Required value: rule is not specified")));
  EXPECT_THAT(refused(with(R"j({"rule":"true","messageExpression":"1"})j")),
              ElementsAre(testing::AllOf(StartsWith(concat(kAt, ".messageExpression")), HasSubstr("must evaluate to a string"))));
  EXPECT_THAT(refused(with(R"j({"rule":"true","reason":"Because"})j")),
              ElementsAre(StartsWith(concat(kAt, ".reason: Unsupported value: \"Because\""))));
  EXPECT_THAT(refused(with(R"j({"rule":"true","fieldPath":".c"})j")),
              ElementsAre(concat(kAt, ".fieldPath: Invalid value: \".c\": fieldPath must be a valid path")));
  EXPECT_THAT(refused(with(R"j({"rule":"true","optionalOldSelf":true})j")),
              ElementsAre(HasSubstr("may not be set if oldSelf is not used in rule")));
}

TEST(CelRules, ThatNeedAPastNobodyKnowsAreRefused) {
  constexpr std::string_view kSpec =
      R"j({"type":"object","properties":{"list":{"type":"array","maxItems":3,"items":{"type":"string","maxLength":3,
    "x-kubernetes-validations":[{"rule":"self == oldSelf"}]}}}})j";
  EXPECT_THAT(refused(kSpec),
              ElementsAre("openAPIV3Schema.properties[spec].properties[list].items.x-kubernetes-validations[0].rule: Invalid value: "
                          "\"self == oldSelf\": oldSelf cannot be used on the uncorrelatable portion of the schema within "
                          "openAPIV3Schema.properties[spec].properties[list]"));
}

TEST(CelRules, ThatMayCostTooMuchAreRefused) {
  constexpr std::string_view kDear = R"j({"type":"object","properties":{"list":{"type":"array","items":{"type":"string"}}},
    "x-kubernetes-validations":[{"rule":"self.list.all(x, self.list.all(y, x == y))"}]})j";
  EXPECT_THAT(
      refused(kDear),
      Contains(StartsWith("openAPIV3Schema.properties[spec].x-kubernetes-validations[0].rule: Forbidden: estimated rule cost exceeds "
                          "budget by factor of more than 100x (try simplifying the rule, or adding maxItems")));
  // A rule that was let in once stays in, but for the total.
  constexpr std::string_view kBearable =
      R"j({"type":"object","properties":{"list":{"type":"array","maxItems":3000,"items":{"type":"integer"}}},
    "x-kubernetes-validations":[{"rule":"self.list.all(x, self.list.all(y, x == y))"}]})j";
  EXPECT_THAT(refused(kBearable), testing::SizeIs(1));
  EXPECT_THAT(refused(kBearable, SchemaUse::kUnchanged), IsEmpty());
  EXPECT_THAT(refused(kDear, SchemaUse::kUnchanged),
              Contains(HasSubstr("estimated rule cost total for entire OpenAPIv3 schema exceeds budget")));
}

TEST(CelRules, ThatDoNotCompileAnyMoreRefuseEveryObject) {
  constexpr std::string_view kSpec = R"j({"type":"object","x-kubernetes-validations":[{"rule":"nonsense()"}]})j";
  auto schema = schema_from_openapi(doc(resource(kSpec)), SchemaUse::kStored);
  ASSERT_TRUE(schema);
  EXPECT_THAT(lines(validate_custom(doc(R"j({"spec":{}})j"), nullptr, **schema)), ElementsAre(HasSubstr("rule compile error")));
}

TEST(CelRules, JudgeDefaults) {
  EXPECT_THAT(
      refused(
          R"j({"type":"object","properties":{"n":{"type":"integer","default":7,"x-kubernetes-validations":[{"rule":"self < 5","message":"small"}]}}})j"),
      ElementsAre(R"j(openAPIV3Schema.properties[spec].properties[n].default: Invalid value: "integer": small)j"));
  EXPECT_THAT(
      refused(
          R"j({"type":"object","default":{"n":7},"properties":{"n":{"type":"integer","x-kubernetes-validations":[{"rule":"self < 5","message":"small"}]}}})j"),
      ElementsAre(R"j(openAPIV3Schema.properties[spec].default.n: Invalid value: "integer": small)j"));
}

TEST(CelRules, EndWhenTheirCostIsSpent) {
  constexpr std::string_view kSpec = R"j({"type":"object","properties":{"list":{"type":"array","maxItems":2500,"items":{"type":"integer"}}},
    "x-kubernetes-validations":[{"rule":"self.list.all(x, self.list.all(y, x + y >= 0))","message":"dear"},{"rule":"false"}]})j";
  auto schema = schema_from_openapi(doc(resource(kSpec)), SchemaUse::kUnchanged);
  ASSERT_TRUE(schema) << schema.error().message;
  std::string list = "0";
  for (int i = 1; i < 2000; ++i) list += concat(',', i);
  EXPECT_THAT(lines(validate_custom(doc(concat(R"j({"spec":{"list":[)j", list, "]}}")), nullptr, **schema)),
              ElementsAre(HasSubstr("no further validation rules will be run due to call cost exceeds limit for rule: dear")));
}

TEST(CelRules, ShareTheObjectsBudget) {
  // Each element is cheap enough; all of them are not.
  constexpr std::string_view kSpec =
      R"j({"type":"object","properties":{"list":{"type":"array","maxItems":60,"items":{"type":"array","maxItems":400,
    "items":{"type":"integer"},"x-kubernetes-validations":[{"rule":"self.all(x, self.all(y, x + y >= 0))","message":"dear"}]}}}})j";
  auto schema = schema_from_openapi(doc(resource(kSpec)), SchemaUse::kUnchanged);
  ASSERT_TRUE(schema) << schema.error().message;
  std::string row = "[0";
  for (int i = 1; i < 300; ++i) row += concat(',', i);
  row += ']';
  std::string list = row;
  for (int i = 1; i < 40; ++i) list += concat(',', row);
  EXPECT_THAT(lines(validate_custom(doc(concat(R"j({"spec":{"list":[)j", list, "]}}")), nullptr, **schema)),
              ElementsAre(HasSubstr("validation failed due to running out of cost budget, no further validation rules will be run")));
}

}  // namespace
}  // namespace serin::kube::cel
