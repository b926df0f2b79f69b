#include "base/random.h"

#include <cstdio>
#include <string_view>

namespace serin {

Random::Random() {
  std::random_device device;
  engine_.seed(uint64_t{device()} << 32 | device());
}

Random::Random(uint64_t seed) : engine_(seed) {}

uint64_t Random::next() {
  std::lock_guard lock(mutex_);
  return engine_();
}

std::string Random::uuid() {
  uint64_t high = next(), low = next();
  high = (high & ~0xf000ull) | 0x4000ull;
  low = (low & ~(3ull << 62)) | (2ull << 62);
  char text[40];
  std::snprintf(text, sizeof text, "%08x-%04x-%04x-%04x-%012llx", unsigned(high >> 32),
                unsigned(high >> 16 & 0xffff), unsigned(high & 0xffff), unsigned(low >> 48),
                static_cast<unsigned long long>(low & 0xffffffffffffull));
  return text;
}

std::string Random::suffix(size_t length) {
  constexpr std::string_view kAlphabet = "bcdfghjklmnpqrstvwxz2456789";
  std::string out;
  for (size_t i = 0; i < length; ++i) out += kAlphabet[next() % kAlphabet.size()];
  return out;
}

}  // namespace serin
