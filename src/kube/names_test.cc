#include "kube/names.h"

#include <gtest/gtest.h>

namespace serin::kube::names {
namespace {

using Check = std::optional<std::string> (*)(std::string_view);

void expect(Check check, std::initializer_list<std::string> valid, std::initializer_list<std::string> invalid) {
  for (const std::string& text : valid) EXPECT_EQ(check(text), std::nullopt) << text;
  for (const std::string& text : invalid) EXPECT_NE(check(text), std::nullopt) << text;
}

TEST(Names, Rules) {
  std::string l63(63, 'a'), l64(64, 'a');
  expect(dns1123_label_error, {"a", "0", "a-b", "1a", l63}, {"", "-a", "a-", "A", "a.b", "a_b", l64, "a b", "ä"});
  expect(dns1123_subdomain_error, {"a", "a.b", "1.2.3", "a-b.c", l64}, {"", ".", "a.", ".a", "a..b", "a.-b", "A", std::string(254, 'a')});
  expect(dns1035_label_error, {"a", "a-1", l63}, {"", "1a", "a-", "A", l64});
  expect(qualified_name_error, {"a", "A_b.c-D", "example.com/Name", "1", "a.b/" + l63},
         {"", "/a", "a/", "a/b/c", "Ex.com/a", "-a", "a-", l64, "a b"});
  expect(label_value_error, {"", "a", "A_b.c-1", l63}, {"-a", "a-", "a/b", l64, "a b"});
}

}  // namespace
}  // namespace serin::kube::names
