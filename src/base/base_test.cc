#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/random.h"
#include "base/strings.h"
#include "base/time.h"

namespace serin {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

Result<int> half(int value) {
  if (value % 2 != 0) return fail(Code::kInvalid, "odd");
  return value / 2;
}
Result<int> quarter(int value) { return half(SERIN_TRY(half(value))); }

TEST(Error, TryReturnsEarly) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_TRUE(failed_with(quarter(6), Code::kInvalid));
}

TEST(Error, CodesSurviveTheWire) {
  for (Code code : {Code::kNotFound, Code::kAlreadyExists, Code::kConflict, Code::kExpired, Code::kInvalid})
    EXPECT_EQ(code_from(reason(code), http_status(code)), code);
  EXPECT_EQ(code_from("", 404), Code::kNotFound);
  EXPECT_EQ(code_from("SomethingNew", 418), Code::kBadRequest);
}

TEST(Clock, VirtualWaitMovesTime) {
  VirtualClock clock;
  TimePoint before = clock.now();
  clock.sleep(10min);
  EXPECT_EQ(clock.now() - before, 10min);
}

TEST(Time, RoundTripsAndReadsOffsets) {
  auto time = parse_time("2026-11-23T05:40:00.25+08:00");
  ASSERT_TRUE(time);
  EXPECT_EQ(format_time(*time), "2026-11-22T21:40:00Z");
  EXPECT_EQ(format_micro_time(*time), "2026-11-22T21:40:00.250000Z");
  for (const char* bad : {"", "2026-11-23", "2026-02-30T00:00:00Z", "2026-11-23T05:40:00", "2026-11-23T05:40:00Zx"})
    EXPECT_FALSE(parse_time(bad)) << bad;
}

TEST(Time, DurationsAsGo) {
  EXPECT_EQ(parse_duration("1h30m"), 90min);
  EXPECT_EQ(parse_duration("1.5s"), 1500ms);
  EXPECT_EQ(parse_duration("-2ms"), -2ms);
  for (const char* bad : {"", "10", "m", "1x", "."}) EXPECT_FALSE(parse_duration(bad)) << bad;
  EXPECT_EQ(format_duration(90min), "1h30m0s");
  EXPECT_EQ(format_duration(1500ms), "1.5s");
  EXPECT_EQ(format_age(125s), "2m5s");
  EXPECT_EQ(format_age(49h), "2d1h");
}

TEST(Strings, SplitCutGlob) {
  EXPECT_THAT(split("a/b/", '/'), ElementsAre("a", "b", ""));
  EXPECT_FALSE(cut("abc", '='));
  EXPECT_TRUE(glob_match("release-*/spring-dubbo3-consumer:v?.2", "release-ci/x/spring-dubbo3-consumer:v0.2"));
  EXPECT_TRUE(glob_match("*.{yaml,yml}", "a.yml"));
  EXPECT_FALSE(glob_match("*.yaml", "a.json"));
  EXPECT_TRUE(glob_match("[a-c]x", "bx"));
  EXPECT_FALSE(glob_match("[!a-c]x", "bx"));
}

TEST(Strings, EncodingsRoundTrip) {
  for (std::string text : {std::string(""), std::string("a"), std::string("ab"), std::string("\0\xff\x10z", 4)}) {
    EXPECT_EQ(base64_decode(base64_encode(text)), text);
    EXPECT_EQ(url_decode(url_encode(text)), text);
  }
  EXPECT_FALSE(base64_decode("a"));
  EXPECT_FALSE(base64_decode("a$=="));
}

TEST(Hash, KnownVectors) {
  EXPECT_EQ(fnv1a_32("a"), 0xe40c292cu);
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Random, SeedsRepeat) {
  Random a(7), b(7);
  EXPECT_EQ(a.uuid(), b.uuid());
  EXPECT_EQ(a.uuid()[14], '4');
  EXPECT_EQ(a.suffix(5).size(), 5u);
}

}  // namespace
}  // namespace serin
