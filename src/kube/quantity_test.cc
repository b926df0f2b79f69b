#include "kube/quantity.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace serin::kube {
namespace {

TEST(Quantity, CanonicalText) {
  for (const auto& [text, canonical] : std::initializer_list<std::pair<const char*, const char*>>{
           {"0", "0"}, {"0m", "0"}, {"-0", "0"}, {"1", "1"}, {"+1", "1"}, {"1000m", "1"}, {"0.1", "100m"}, {".5", "500m"},
           {"5.", "5"}, {"1500", "1500"}, {"1000", "1k"}, {"1000k", "1M"}, {"1.5Gi", "1536Mi"}, {"1024Ki", "1Mi"},
           {"0.5Ki", "512"}, {"1000Ki", "1000Ki"}, {"1024", "1024"}, {"1e3", "1e3"}, {"1E3", "1e3"}, {"2.5e3", "2500"},
           {"1e-3", "1e-3"}, {"100e-1", "10"}, {"1E", "1E"}, {"-250m", "-250m"}, {"0.1n", "1n"}, {"1.0000000001", "1000000001n"},
           {"10E", "9223372036854775807"}, {"99999999999999999999999999999999999999999999", "9223372036854775807"},
           {"8Ei", "9223372036854775807"}, {"-1.5Mi", "-1536Ki"}, {"0.000000000000000000000000000000000000001", "1n"},
       }) {
    Result<Quantity> got = Quantity::parse(text);
    ASSERT_TRUE(got) << text;
    EXPECT_EQ(got->str(), canonical) << text;
    EXPECT_EQ(*Quantity::parse(got->str()), *got) << text;
  }
  for (const char* bad : {"", ".", "-", "1x", " 1", "1 ", "1.2.3", "Ki", "1KiB", "1e", "1e1.5", "0x1", "1mm", "--1"})
    EXPECT_TRUE(failed_with(Quantity::parse(bad), Code::kInvalid)) << bad;
}

TEST(Quantity, ComparesByValue) {
  auto q = [](const char* text) { return Quantity::parse(text).value(); };
  EXPECT_EQ(q("100m"), q("0.1"));
  EXPECT_EQ(q("1Gi"), q("1073741824"));
  EXPECT_LT(q("999m"), q("1"));
  EXPECT_GT(q("1Gi"), q("1G"));
  EXPECT_EQ((q("1Gi") + q("512Mi")).str(), "1536Mi");
  EXPECT_EQ((q("1") - q("1500m")).str(), "-500m");
  EXPECT_EQ(q("1001m").units(), 2);
  EXPECT_EQ(q("1.5").milli(), 1500);
  EXPECT_EQ(Quantity::from_json(json::value(0.5))->milli(), 500);
  EXPECT_EQ(Quantity::from_json(json::value(2))->str(), "2");
  EXPECT_FALSE(Quantity::from_json(json::value(true)));
}

TEST(Quantity, IntOrPercent) {
  struct Case {
    json::value value;
    int64_t total;
    bool up;
    int64_t want;
  };
  for (const Case& c : std::initializer_list<Case>{{json::value(3), 10, true, 3},
                                                   {json::value("25%"), 10, true, 3},
                                                   {json::value("25%"), 10, false, 2},
                                                   {json::value("0%"), 10, true, 0},
                                                   {json::value("100%"), 7, true, 7},
                                                   {json::value("1%"), 1, true, 1},
                                                   {json::value("50%"), 4, true, 2}})
    EXPECT_EQ(resolve_int_or_percent(c.value, c.total, c.up).value(), c.want) << json::dump(c.value);
  for (const char* bad : {"25", "%", "x%", "1.5%", ""})
    EXPECT_TRUE(failed_with(resolve_int_or_percent(json::value(bad), 10, true), Code::kInvalid)) << bad;
}

}  // namespace
}  // namespace serin::kube
