#include "data/patch.h"

#include <gtest/gtest.h>

#include "base/strings.h"
#include "data/testing/arbitrary_json.h"

namespace serin::json {
namespace {

value doc(std::string_view text) { return parse(text).value(); }

TEST(Pointer, FollowsTheRfcExamples) {
  value at = doc(R"({"foo":["bar","baz"],"":0,"a/b":1,"m~n":8," ":7})");
  EXPECT_EQ(*find_pointer(at, ""), at);
  EXPECT_EQ(*find_pointer(at, "/foo/0"), value("bar"));
  EXPECT_EQ(*find_pointer(at, "/"), value(0));
  EXPECT_EQ(*find_pointer(at, "/a~1b"), value(1));
  EXPECT_EQ(*find_pointer(at, "/m~0n"), value(8));
  for (const char* nowhere : {"foo", "/foo/2", "/foo/00", "/foo/-", "/foo/0/x", "/a~2b", "/no"})
    EXPECT_EQ(find_pointer(at, nowhere), nullptr) << nowhere;
}

struct PatchCase {
  const char *name, *doc, *patch, *want;  // want null: refused
};

TEST(JsonPatch, Operations) {
  for (const PatchCase& c : std::initializer_list<PatchCase>{
           {"add member", R"({"a":1})", R"([{"op":"add","path":"/b","value":2}])", R"({"a":1,"b":2})"},
           {"add replaces", R"({"a":1})", R"([{"op":"add","path":"/a","value":2}])", R"({"a":2})"},
           {"insert", "[1,3]", R"([{"op":"add","path":"/1","value":2}])", "[1,2,3]"},
           {"append", "[1]", R"([{"op":"add","path":"/-","value":2}])", "[1,2]"},
           {"beyond the end", "[1]", R"([{"op":"add","path":"/2","value":2}])", nullptr},
           {"add without a parent", "{}", R"([{"op":"add","path":"/a/b","value":2}])", nullptr},
           {"whole document", "{}", R"([{"op":"add","path":"","value":[1]}])", "[1]"},
           {"remove", R"({"a":1,"b":2})", R"([{"op":"remove","path":"/a"}])", R"({"b":2})"},
           {"remove element", "[1,2,3]", R"([{"op":"remove","path":"/1"}])", "[1,3]"},
           {"remove missing", "{}", R"([{"op":"remove","path":"/a"}])", nullptr},
           {"replace", R"({"a":1})", R"([{"op":"replace","path":"/a","value":null}])", R"({"a":null})"},
           {"replace missing", "{}", R"([{"op":"replace","path":"/a","value":1}])", nullptr},
           {"move", R"({"a":{"b":1}})", R"([{"op":"move","from":"/a/b","path":"/c"}])", R"({"a":{},"c":1})"},
           {"move into itself", R"({"a":{}})", R"([{"op":"move","from":"/a","path":"/a/b"}])", nullptr},
           {"move within a list", "[1,2,3]", R"([{"op":"move","from":"/0","path":"/2"}])", "[2,3,1]"},
           {"copy", R"({"a":[1]})", R"([{"op":"copy","from":"/a","path":"/b"}])", R"({"a":[1],"b":[1]})"},
           {"test numbers by value", R"({"a":1.0})",
            R"([{"op":"test","path":"/a","value":1},{"op":"remove","path":"/a"}])", "{}"},
           {"test fails", R"({"a":1})", R"([{"op":"remove","path":"/a"},{"op":"test","path":"","value":1}])",
            nullptr},
           {"unknown op", "{}", R"([{"op":"merge","path":""}])", nullptr},
           {"no path", "{}", R"([{"op":"add","value":1}])", nullptr},
           {"no value", "{}", R"([{"op":"add","path":"/a"}])", nullptr},
           {"no list", "{}", "{}", nullptr},
       }) {
    Result<value> got = apply_patch(doc(c.doc), doc(c.patch));
    if (!c.want) {
      EXPECT_TRUE(failed_with(got, Code::kInvalid)) << c.name;
    } else {
      ASSERT_TRUE(got) << c.name << ": " << got.error().message;
      EXPECT_EQ(*got, doc(c.want)) << c.name;
    }
  }
}

TEST(JsonPatch, SaysWhichOperationFailed) {
  Result<value> got = apply_patch(doc("{}"), doc(R"([{"op":"add","path":"/a","value":1},{"op":"remove","path":"/b"}])"));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().message, "patch operation 1: the path /b leads nowhere");
}

TEST(JsonPatch, CopiesCannotBlowUp) {
  array operations;
  for (int i = 0; i < 40; ++i)
    operations.push_back(object{{"op", "copy"}, {"from", ""}, {"path", concat("/", i)}});
  EXPECT_TRUE(failed_with(apply_patch(doc(R"({"a":"0123456789"})"), value(operations)), Code::kTooLarge));
}

TEST(MergePatch, FollowsTheRfcExamples) {
  for (const PatchCase& c : std::initializer_list<PatchCase>{
           {"", R"({"a":"b"})", R"({"a":"c"})", R"({"a":"c"})"},
           {"", R"({"a":"b"})", R"({"b":"c"})", R"({"a":"b","b":"c"})"},
           {"", R"({"a":"b","b":"c"})", R"({"a":null})", R"({"b":"c"})"},
           {"", R"({"a":[{"b":"c"}]})", R"({"a":[1]})", R"({"a":[1]})"},
           {"", R"(["a","b"])", R"({"a":"b"})", R"({"a":"b"})"},
           {"", R"({"e":null})", R"({"a":1})", R"({"e":null,"a":1})"},
           {"", R"({"a":"foo"})", "null", "null"},
           {"", "{}", R"({"a":{"bb":{"ccc":null}}})", R"({"a":{"bb":{}}})"},
       }) {
    value got = doc(c.doc);
    merge_patch(got, doc(c.patch));
    EXPECT_EQ(got, doc(c.want)) << c.doc << " + " << c.patch;
  }
}

TEST(MergePatch, MadeFromTwoDocumentsTurnsOneIntoTheOther) {
  EXPECT_TRUE(rc::check([] {
    value from = *testing::arbitrary({.nulls = false}), to = *testing::arbitrary({.nulls = false});
    value got = from;
    merge_patch(got, make_merge_patch(from, to));
    RC_ASSERT(got == to);
    if (to.is_object()) RC_ASSERT(make_merge_patch(to, to) == value(object()));
  }));
}

}  // namespace
}  // namespace serin::json
