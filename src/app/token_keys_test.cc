#include "app/token_keys.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

namespace serin::app {
namespace {

TEST(TokenKeys, KeepOldOnesAndSignWithTheNewest) {
  std::string directory = testing::TempDir() + "token_keys_test";
  std::filesystem::remove_all(directory);
  TimePoint now = SystemClock().now();
  auto first = load_or_make_token_keys(directory, now);
  ASSERT_TRUE(first) << first.error().message;
  ASSERT_EQ(first->size(), 1u);
  auto again = load_or_make_token_keys(directory, now + std::chrono::days(1));
  ASSERT_EQ(again->size(), 1u);
  EXPECT_EQ(again->front().pem(), first->front().pem());
  auto rotated = load_or_make_token_keys(directory, now + kSigningPeriod + std::chrono::days(1));
  ASSERT_EQ(rotated->size(), 2u);
  EXPECT_NE(rotated->front().pem(), first->front().pem());
  EXPECT_EQ(rotated->back().pem(), first->front().pem());
  struct stat info {};
  ASSERT_EQ(::stat((directory + "/1.key").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  ::chmod((directory + "/1.key").c_str(), 0644);
  EXPECT_TRUE(failed_with(load_or_make_token_keys(directory, now), Code::kForbidden));
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace serin::app
