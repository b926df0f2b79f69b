#include "apiserver/http/json_path.h"

#include <gtest/gtest.h>

#include "apiserver/http/body.h"
#include "base/strings.h"

namespace serin::apiserver {
namespace {

TEST(JsonPath, Finds) {
  json::value doc = *json::parse(R"({"spec":{"a":1,"b.c":"x","list":[{"t":"Ready","s":"True"},{"t":"Done","s":"False","n":{"k":2}}]}})");
  auto found = [&](const char* text) {
    auto path = JsonPath::parse(text);
    if (!path) return std::string("error");
    std::string out;
    for (const json::value* v : path->find(doc)) out += concat(out.empty() ? "" : " ", json::dump(*v));
    return out;
  };
  EXPECT_EQ(found(".spec.a"), "1");
  EXPECT_EQ(found("{.spec.a}"), "1");
  EXPECT_EQ(found("$.spec.a"), "1");
  EXPECT_EQ(found(".spec['b.c']"), "\"x\"");
  EXPECT_EQ(found(".spec.b\\.c"), "\"x\"");
  EXPECT_EQ(found(".spec.list[0].s"), "\"True\"");
  EXPECT_EQ(found(".spec.list[-1].s"), "\"False\"");
  EXPECT_EQ(found(".spec.list[*].t"), "\"Ready\" \"Done\"");
  EXPECT_EQ(found(".spec.list[?(@.t==\"Ready\")].s"), "\"True\"");
  EXPECT_EQ(found(".spec.list[?(@.t!='Ready')].s"), "\"False\"");
  EXPECT_EQ(found(".spec.list[?(@.n.k)].t"), "\"Done\"");
  EXPECT_EQ(found(".spec.list[?(@.n.k==2)].t"), "\"Done\"");
  EXPECT_EQ(found(".spec.none.deeper"), "");
  EXPECT_EQ(found(".spec.list[0"), "error");
  EXPECT_EQ(found(".spec..a"), "error");
}

TEST(Body, DuplicateMembers) {
  auto found = [](const char* text) { return join(duplicate_members(text), " "); };
  EXPECT_EQ(found(R"({"a":1,"b":{"a":2}})"), "");
  EXPECT_EQ(found(R"({"a":1,"a":2})"), "a");
  EXPECT_EQ(found(R"({"s":{"x":"\"}","l":[{},{"y":[1,2],"y":null}]}})"), "s.l[1].y");
}

TEST(Body, DuplicateMembersWithEscapes) {
  auto found = [](const char* text) { return join(duplicate_members(text), " "); };
  EXPECT_EQ(found(R"({"a\\":1,"a\"":1,"a\\\"":1,"a":"\"a\":"})"), "");
  EXPECT_EQ(found(R"({"x":"\\","a\\":1,"y":"\\\"","a\\":2})"), R"(a\\)");
}

TEST(Body, DuplicateMembersAmongMany) {
  std::string text = "{\"data\":{";
  for (int i = 0; i < 100; ++i) text += "\"k" + std::to_string(i) + "\":0,";
  for (const char* again : {"k3", "k15", "k16", "k99"}) text += std::string("\"") + again + "\":1,";
  text += "\"last\":0}}";
  EXPECT_EQ(join(duplicate_members(text), " "), "data.k3 data.k15 data.k16 data.k99");
}

}  // namespace
}  // namespace serin::apiserver
