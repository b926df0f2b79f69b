#include "base/utf8.h"

#include <gtest/gtest.h>

namespace serin {
namespace {

TEST(Utf8, WhatIsAndWhatIsNot) {
  for (std::string_view text : {std::string_view(""), std::string_view("a\0b", 3), std::string_view("\xc3\xa9"), std::string_view("\xe2\x82\xac"),
                                std::string_view("\xed\x9f\xbf"), std::string_view("\xf4\x8f\xbf\xbf")}) {
    EXPECT_TRUE(is_utf8(text)) << text;
    EXPECT_EQ(to_utf8(text), text);
  }
  for (std::string_view text : {"\xff", "\x80", "\xc3", "\xc0\xaf", "\xe2\x82", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
                                "a\xe9z"}) {
    EXPECT_FALSE(is_utf8(text)) << text;
    EXPECT_TRUE(is_utf8(to_utf8(text))) << text;
  }
  EXPECT_EQ(to_utf8("a\xe9z\xff"), "a\xef\xbf\xbdz\xef\xbf\xbd");
}

}  // namespace
}  // namespace serin
