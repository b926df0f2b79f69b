#include "kube/selector.h"

#include <gtest/gtest.h>

namespace serin::kube {
namespace {

json::value doc(std::string_view text) { return json::parse(text).value(); }

TEST(LabelSelector, QueryForm) {
  json::value labels = doc(R"({"a":"b","e":"f","j":""})");
  for (const auto& [text, matches] : std::initializer_list<std::pair<const char*, bool>>{
           {"", true}, {"a=b", true}, {"a==b", true}, {"a = b", true}, {"a=c", false}, {"a!=c", true}, {"x!=c", true},
           {"a!=b", false}, {"e in (f,g)", true}, {"e in (g)", false}, {"e notin (g)", true}, {"x notin (g)", true},
           {"j", true}, {"!k", true}, {"!j", false}, {"x", false}, {"a=b,c!=d,e in (f,g),h notin (i),j,!k", true},
           {"j=", true}, {"a in (b , c),j", true}, {"in=x", false}, {"x in ()", false},
       }) {
    Result<LabelSelector> selector = LabelSelector::parse(text);
    ASSERT_TRUE(selector) << text << ": " << selector.error().message;
    EXPECT_EQ(selector->matches(&labels), matches) << text;
    Result<LabelSelector> again = LabelSelector::parse(selector->str());
    ASSERT_TRUE(again) << selector->str();
    EXPECT_EQ(again->str(), selector->str());
    EXPECT_EQ(again->matches(&labels), matches) << text;
  }
  for (const char* bad : {"a in b", "a in (b", "=b", "a=b c=d", ",", "a=b,,c", "a=!", "-a=b", "a/b/c=d", "a=b(", "!"})
    EXPECT_TRUE(failed_with(LabelSelector::parse(bad), Code::kBadRequest)) << bad;
}

TEST(LabelSelector, QueryFormIsSorted) {
  EXPECT_EQ(LabelSelector::parse("z,!k,a in (y,x),m!=n")->str(), "a in (x,y),!k,m!=n,z");
}

TEST(LabelSelector, ObjectForm) {
  json::value labels = doc(R"({"app":"x","tier":"web"})");
  auto matches = [&](const char* text) {
    json::value selector = doc(text);
    return LabelSelector::from_object(&selector).value().matches(&labels);
  };
  EXPECT_TRUE(matches(R"({})"));
  EXPECT_TRUE(matches(R"({"matchLabels":{"app":"x"}})"));
  EXPECT_FALSE(matches(R"({"matchLabels":{"app":"y"}})"));
  EXPECT_TRUE(matches(R"({"matchExpressions":[{"key":"tier","operator":"In","values":["web","db"]}]})"));
  EXPECT_TRUE(matches(R"({"matchExpressions":[{"key":"zone","operator":"NotIn","values":["a"]}]})"));
  EXPECT_FALSE(matches(R"({"matchExpressions":[{"key":"app","operator":"DoesNotExist"}]})"));
  EXPECT_FALSE(LabelSelector::from_object(nullptr)->matches(&labels));
  EXPECT_FALSE(LabelSelector::from_object(nullptr)->empty());
  EXPECT_FALSE(LabelSelector::parse(LabelSelector::nothing().str())->matches(&labels));
  for (const char* bad : {R"({"matchExpressions":[{"key":"a","operator":"Gt","values":["1"]}]})",
                          R"({"matchExpressions":[{"key":"a","operator":"In"}]})",
                          R"({"matchExpressions":[{"key":"a","operator":"Exists","values":["1"]}]})",
                          R"({"matchLabels":{"a b":"c"}})"}) {
    json::value selector = doc(bad);
    EXPECT_TRUE(failed_with(LabelSelector::from_object(&selector), Code::kInvalid)) << bad;
  }
}

TEST(LabelSelector, MapForm) {
  json::value labels = doc(R"({"app":"x","tier":"web"})"), map = doc(R"({"app":"x"})"), none = doc("{}");
  EXPECT_TRUE(LabelSelector::from_map(&map).matches(&labels));
  EXPECT_FALSE(LabelSelector::from_map(&map).matches(nullptr));
  EXPECT_FALSE(LabelSelector::from_map(&none).matches(&labels));
  EXPECT_FALSE(LabelSelector::from_map(nullptr).matches(&labels));
}

TEST(FieldSelector, ComparesPathsAsText) {
  json::value pod = doc(R"({"metadata":{"name":"p"},"spec":{"hostNetwork":true,"n":3},"status":{"phase":"Running"}})");
  for (const auto& [text, matches] : std::initializer_list<std::pair<const char*, bool>>{
           {"", true}, {"metadata.name=p", true}, {"metadata.name==p,status.phase!=Failed", true},
           {"status.phase!=Running", false}, {"spec.nodeName=", true}, {"spec.nodeName!=", false},
           {"spec.hostNetwork=true,spec.n=3", true}, {"metadata.name=a\\,b", false}}) {
    Result<FieldSelector> selector = FieldSelector::parse(text);
    ASSERT_TRUE(selector) << text;
    EXPECT_EQ(selector->matches(pod), matches) << text;
    EXPECT_EQ(FieldSelector::parse(selector->str())->str(), selector->str());
  }
  EXPECT_EQ(FieldSelector::parse("a=b\\,c\\=d")->terms().at(0).value, "b,c=d");
  for (const char* bad : {"a", "a=b,", "=b", "a=b=c", "a=b\\"})
    EXPECT_TRUE(failed_with(FieldSelector::parse(bad), Code::kBadRequest)) << bad;
}

}  // namespace
}  // namespace serin::kube
