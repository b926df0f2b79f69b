#include "data/json.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/strings.h"
#include "data/testing/arbitrary_json.h"

namespace serin::json {
namespace {

TEST(Json, NumbersKeepTheirKind) {
  EXPECT_TRUE(parse("9223372036854775807").value().is_int64());
  EXPECT_TRUE(parse("18446744073709551615").value().is_uint64());
  EXPECT_TRUE(parse("1.5").value().is_double());
  EXPECT_EQ(as_int(&static_cast<const value&>(parse("2.0").value())), 2);
  EXPECT_EQ(as_int(&static_cast<const value&>(parse("2.5").value())), std::nullopt);
}

TEST(Json, RefusesWhatIsNotJson) {
  for (const char* bad : {"", "{", "{\"a\":1,}", "01", "nul", "{} {}", "\"\x01\""})
    EXPECT_TRUE(failed_with(parse(bad), Code::kBadRequest)) << bad;
  EXPECT_TRUE(failed_with(parse(std::string(300, '[') + std::string(300, ']')), Code::kBadRequest));
}

TEST(Json, AccessorsReadWrongTypesAsAbsent) {
  value doc = parse(R"({"spec":{"replicas":3,"name":"x","paused":true,"list":[1,2]}})").value();
  EXPECT_EQ(get_int(doc, 1, "spec", "replicas"), 3);
  EXPECT_EQ(get_int(doc, 1, "spec", "name"), 1);
  EXPECT_EQ(get_int(doc, 1, "spec", "replicas", "x"), 1);
  EXPECT_EQ(get_string(doc, "spec", "replicas"), "");
  EXPECT_TRUE(get_bool(doc, false, "spec", "paused"));
  EXPECT_EQ(items(doc, "spec", "list").size(), 2u);
  EXPECT_EQ(items(doc, "spec", "name").size(), 0u);
  EXPECT_EQ(find_object(doc, "nothing"), nullptr);
}

TEST(Json, SetAndEraseMakeAndKeepParents) {
  value doc;
  set(doc, {"a", "b"}, 1);
  EXPECT_EQ(dump(doc), R"({"a":{"b":1}})");
  EXPECT_TRUE(erase(doc, {"a", "b"}));
  EXPECT_FALSE(erase(doc, {"a", "b"}));
  EXPECT_EQ(dump(doc), R"({"a":{}})");
  ensure_object(doc, {"a", "c"})["d"] = true;
  EXPECT_EQ(dump(doc), R"({"a":{"c":{"d":true}}})");
}

TEST(Json, CanonicalAndGoText) {
  value doc = parse(R"({"b":"<&>\u2028","a":{"d":1,"c":[]}})").value();
  EXPECT_EQ(dump_canonical(doc), "{\"a\":{\"c\":[],\"d\":1},\"b\":\"<&>\xe2\x80\xa8\"}");
  EXPECT_EQ(dump_go(doc), R"({"a":{"c":[],"d":1},"b":"\u003c\u0026\u003e\u2028"})");
}

TEST(Json, DoublesAreWrittenAsGoWritesThem) {
  for (auto [text, written] : std::initializer_list<std::pair<const char*, const char*>>{
           {"0.5", "0.5"}, {"1E-1", "0.1"}, {"-2.25", "-2.25"}, {"100.0", "100"}, {"1e-7", "1e-7"}, {"0.000001", "0.000001"},
           {"1.5e21", "1.5e+21"}, {"1e20", "100000000000000000000"}, {"12345678901234567890", "12345678901234567890"}, {"7", "7"}}) {
    value doc = parse(concat("{\"a\":[", text, "]}")).value();
    EXPECT_EQ(dump(doc), concat("{\"a\":[", written, "]}"));
    EXPECT_EQ(dump_go(doc), dump(doc));
    EXPECT_EQ(dump(parse(dump(doc)).value()), dump(doc));
  }
  EXPECT_FALSE(parse("1e400"));
  EXPECT_TRUE(rc::check([](double number) {
    if (!std::isfinite(number)) return;
    RC_ASSERT(parse(dump(value(number))).value().to_number<double>() == number);
  }));
}

TEST(Json, EveryTextFormReadsBack) {
  EXPECT_TRUE(rc::check([] {
    value doc = *testing::arbitrary();
    for (const std::string& text : {dump(doc), dump_pretty(doc), dump_canonical(doc), dump_go(doc)})
      RC_ASSERT(parse(text).value() == doc);
  }));
}

}  // namespace
}  // namespace serin::json
