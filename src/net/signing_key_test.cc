#include "net/signing_key.h"

#include <gtest/gtest.h>

#include "net/certificates.h"

namespace serin::net {
namespace {

TEST(SigningKey, SignsAndVerifies) {
  SigningKey key = *SigningKey::generate();
  std::string signature = *key.sign("text");
  EXPECT_EQ(signature.size(), 64u);
  EXPECT_TRUE(key.verify("text", signature));
  EXPECT_FALSE(key.verify("texts", signature));
  EXPECT_FALSE(key.verify("text", signature.substr(1)));
  EXPECT_FALSE(key.verify("text", std::string(64, '\0')));
  EXPECT_FALSE(SigningKey::generate()->verify("text", signature));
  SigningKey again = *SigningKey::from_pem(key.pem());
  EXPECT_TRUE(again.verify("text", signature));
  EXPECT_EQ(again.x(), key.x());
  EXPECT_EQ(key.x().size(), 32u);
  EXPECT_EQ(key.y().size(), 32u);
}

TEST(SigningKey, RefusesWhatIsNoKey) {
  EXPECT_TRUE(failed_with(SigningKey::from_pem("no key"), Code::kInvalid));
  EXPECT_TRUE(failed_with(SigningKey::from_pem(make_ca("x", TimePoint())->certificate_pem), Code::kInvalid));
}

}  // namespace
}  // namespace serin::net
