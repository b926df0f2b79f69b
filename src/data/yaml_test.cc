#include "data/yaml.h"

#include <gtest/gtest.h>

#include "base/strings.h"
#include "data/testing/arbitrary_json.h"
#include "data/yaml_scalar.h"

namespace serin::yaml {
namespace {

using json::value;

value doc(std::string_view text) { return json::parse(text).value(); }

struct Case {
  const char *yaml, *json;  // json null: refused
};

TEST(Yaml, ScalarsInTheDialectOfKubectl) {
  for (const Case& c : std::initializer_list<Case>{
           {"yes", "true"}, {"No", "false"}, {"on", "true"}, {"OFF", "false"}, {"y", "true"}, {"N", "false"},
           {"True", "true"}, {"true", "true"}, {"tRue", R"("tRue")"},
           {"0777", "511"}, {"0o777", "511"}, {"0b101", "5"}, {"0xFF", "255"}, {"1_000", "1000"}, {"+12", "12"},
           {"-0x10", "-16"}, {"08", "8"}, {"0x", R"("0x")"}, {"0", "0"}, {"-0", "0"},
           {"190:20:30", R"("190:20:30")"}, {"~", "null"}, {"", "null"}, {"Null", "null"},
           {"2024-01-15", R"("2024-01-15")"}, {"2024-01-15T10:00:00Z", R"("2024-01-15T10:00:00Z")"},
           {"1e3", "1000"}, {"1.10", "1.1"}, {".5", "0.5"}, {"1.", "1"}, {"1234e56", "1.234e59"}, {"1.5e-3", "0.0015"},
           {"9223372036854775807", "9223372036854775807"}, {"-9223372036854775808", "-9223372036854775808"},
           {"12345678901234567890", "12345678901234567890.0"}, {"1.2.3", R"("1.2.3")"}, {"v1", R"("v1")"},
           {"100m", R"("100m")"}, {"-", nullptr}, {"-x", R"("-x")"}, {"'yes'", R"("yes")"}, {"\"0777\"", R"("0777")"},
           {".inf", nullptr}, {"-.INF", nullptr}, {".nan", nullptr},
           {"!!str 12", R"("12")"}, {"!!int '12'", "12"}, {"!!int x", nullptr}, {"!!float 1.5", "1.5"},
           {"!!bool maybe", nullptr}, {"!!binary aGVsbG8=", R"("hello")"}, {"!local 12", R"("12")"},
       }) {
    Result<value> got = parse(concat("k: ", c.yaml));
    if (!c.json) {
      EXPECT_TRUE(failed_with(got, Code::kInvalid)) << c.yaml;
    } else {
      ASSERT_TRUE(got) << c.yaml << ": " << got.error().message;
      EXPECT_EQ(*json::find(*got, "k"), doc(c.json)) << c.yaml;
    }
  }
}

TEST(Yaml, KeysBecomeStrings) {
  EXPECT_EQ(parse("1: a\n1.5: b\ntrue: c\n0x10: d\n").value(), doc(R"({"1":"a","1.5":"b","true":"c","16":"d"})"));
  EXPECT_EQ(parse("true: a\nyes: b\n").value(), doc(R"({"true":"b"})"));
  EXPECT_TRUE(failed_with(parse("~: a\n"), Code::kInvalid));
  EXPECT_TRUE(failed_with(parse("[1]: a\n"), Code::kInvalid));
}

TEST(Yaml, DuplicateKeys) {
  EXPECT_EQ(parse("a: 1\na: 2\n").value(), doc(R"({"a":2})"));
  Result<value> refused = parse("a: 1\nb:\n  c: 1\n  c: 2\n", true);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "line 4, column 3: key \"c\" already set in map");
}

TEST(Yaml, AnchorsAndMerges) {
  EXPECT_EQ(parse("x: &a {p: 1, q: 2}\nw:\n  q: 3\n  <<: *a\n").value(),
            doc(R"({"x":{"p":1,"q":2},"w":{"q":3,"p":1}})"));
  EXPECT_EQ(parse("x: &a {p: 1}\nz: &b {p: 2, r: 2}\nw: {<<: [*a, *b]}\n").value(),
            doc(R"({"x":{"p":1},"z":{"p":2,"r":2},"w":{"p":1,"r":2}})"));
  EXPECT_EQ(parse("a: '<<'\nb: &n [1]\nc: *n\n").value(), doc(R"({"a":"<<","b":[1],"c":[1]})"));
  EXPECT_EQ(parse("y: {<<: 1}\n").error().message, "line 1, column 5: `<<` needs a map or a list of maps");
  EXPECT_EQ(parse("a: *nobody\n").error().message, "line 1, column 4: unknown anchor \"nobody\"");
  EXPECT_EQ(parse("a: &a [*a]\n").error().message, "line 1, column 8: anchor \"a\" contains itself");
}

TEST(Yaml, AliasBombsAreRefused) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    bomb += concat("a", i, ": &a", i, " [");
    for (int j = 0; j < 9; ++j) bomb += concat(j ? ", " : "", "*a", i - 1);
    bomb += "]\n";
  }
  EXPECT_TRUE(failed_with(parse(bomb), Code::kInvalid));
  EXPECT_TRUE(failed_with(parse(std::string(5000, '[')), Code::kInvalid));
  EXPECT_TRUE(failed_with(parse("aaaa", false, {.max_bytes = 3}), Code::kInvalid));
}

TEST(Yaml, StreamsOfDocuments) {
  std::vector<Document> got = parse_all("# only a comment\n---\n---\na: 1\n---\n# empty\n---\nb: 2\n...\n").value();
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(got[0].value, doc(R"({"a":1})"));
  EXPECT_EQ(got[0].line, 4);
  EXPECT_EQ(got[1].line, 8);
  EXPECT_TRUE(parse_all("").value().empty());
  EXPECT_TRUE(failed_with(parse(""), Code::kInvalid));
  EXPECT_TRUE(failed_with(parse("a: 1\n---\nb: 1\n"), Code::kInvalid));
}

TEST(Yaml, ErrorsSayWhere) {
  for (const auto& [text, where] : std::initializer_list<std::pair<const char*, const char*>>{
           {"a: 1\n b: 2\n", "line 2, column 3: "},
           {"a: [1, 2\n", "line 2, column 1: "},
           {"a: 'open\n", "line 2, column 1: "},
           {"a:\n\t- b\n", "line 2, column 1: "},
           {"a: \xff\n", "line 1, column "},
       }) {
    Result<value> got = parse(text);
    ASSERT_FALSE(got) << text;
    EXPECT_EQ(got.error().code, Code::kInvalid);
    EXPECT_TRUE(got.error().message.starts_with(where)) << got.error().message;
  }
}

TEST(Yaml, ReadsJsonAndBlockText) {
  EXPECT_EQ(parse("{\"a\": [1, \"x\\n\\u00e9\"],\n\t\"b\": {}}").value(), doc(R"({"a":[1,"x\né"],"b":{}})"));
  EXPECT_EQ(parse("a: |\n  x\n   y\nb: >-\n  p\n  q\n").value(), doc(R"({"a":"x\n y\n","b":"p q"})"));
}

TEST(YamlDump, WritesWhatPeopleExpect) {
  EXPECT_EQ(dump(doc(R"({"apiVersion":"v1","spec":{"ports":[{"name":"http","port":80},[1,[]]],"x":{}},
                         "on":"yes","z":null,"t":"a\nb\n","e":"","v":"0777","c":"a: b","d":"2024-01-15"})")),
            "apiVersion: v1\n"
            "spec:\n"
            "  ports:\n"
            "  - name: http\n"
            "    port: 80\n"
            "  - - 1\n"
            "    - []\n"
            "  x: {}\n"
            "\"on\": \"yes\"\n"
            "z: null\n"
            "t: |\n"
            "  a\n"
            "  b\n"
            "e: \"\"\n"
            "v: \"0777\"\n"
            "c: \"a: b\"\n"
            "d: \"2024-01-15\"\n");
  EXPECT_EQ(dump(value("x")), "x\n");
  EXPECT_EQ(dump(json::array()), "[]\n");
}

TEST(YamlDump, ReadsBackUnchanged) {
  json::testing::Shape shape;
  shape.texts.insert(shape.texts.end(),
                     {"- a", "-", "?", "a #b", "a:", " a", "a ", "\n", "\n\n", "a\n\n", "a\n\nb", " a\nb", "a\n b\n", "a\n  \nb",
                      "a\tb", "\ta\nb", "é", "\x7f", "\"q\"", "'q'", "...", "---", "--- a", "<<", "=", "!x", "&x", "*x", "%x",
                      "@x", "`x`", "{a", "[a", ",", "a\r\nb", "1_0", ".5", ".x", "0x1F", "1:2", "+1", "\x01", "𝄞", "\xc2\x85", "\xe2\x80\xa8", "\xef\xbb\xbfx"});
  shape.names = shape.texts;
  EXPECT_TRUE(rc::check([&] {
    value written = *json::testing::arbitrary(shape);
    Result<value> read = parse(dump(json::array{written}), true);
    RC_ASSERT(read.has_value());
    RC_ASSERT(*read == value(json::array{written}));
  }));
}

TEST(YamlDump, AnyTextReadsBackUnchanged) {
  EXPECT_TRUE(rc::check([] {
    auto text = *rc::gen::container<std::string>(rc::gen::inRange<char>(1, 127));
    value written = json::object{{"k", text}};
    RC_ASSERT(parse(dump(written)).value() == written);
  }));
}

}  // namespace
}  // namespace serin::yaml
