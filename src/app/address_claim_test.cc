#include "app/address_claim.h"

#include <gtest/gtest.h>

namespace serin::app {
namespace {

TEST(AddressClaim, OneHolderAtATime) {
  constexpr int kNumber = 199;  // far from what a running system uses
  {
    Result<AddressClaim> first = AddressClaim::take(kNumber);
    ASSERT_TRUE(first) << first.error().message;
    Result<AddressClaim> second = AddressClaim::take(kNumber);
    ASSERT_TRUE(failed_with(second, Code::kConflict));
    EXPECT_NE(second.error().message.find("127.209.0.0/16"), std::string::npos);
  }
  EXPECT_TRUE(AddressClaim::take(kNumber)) << "a claim ends with its holder";
}

}  // namespace
}  // namespace serin::app
