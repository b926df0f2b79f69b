#include "node/addresses.h"

#include <arpa/inet.h>

#include <optional>

#include "base/strings.h"
#include "node/shim/proc.h"

namespace serin::node {
namespace {

std::optional<uint32_t> parse_address(const std::string& text) {
  in_addr address{};
  if (::inet_pton(AF_INET, text.c_str(), &address) != 1) return std::nullopt;
  return ntohl(address.s_addr);
}

std::string format_address(uint32_t value) {
  return concat(value >> 24, ".", (value >> 16) & 255, ".", (value >> 8) & 255, ".", value & 255);
}

}  // namespace

Result<AddressPool> AddressPool::open(std::string_view cidr, std::string memory) {
  auto parts = cut(cidr, '/');
  auto base = parts ? parse_address(std::string(parts->first)) : std::nullopt;
  auto bits = parts ? parse_int<int>(parts->second) : std::nullopt;
  if (!base || !bits || *bits < 8 || *bits > 28)
    return fail(Code::kInvalid, concat("pod address range ", cidr, " is not of the form 127.10.0.0/17"));
  uint32_t mask = ~uint32_t{0} << (32 - *bits);
  uint32_t network = *base & mask;
  return AddressPool(network + 2, (network | ~mask) - 1, std::move(memory));
}

AddressPool::AddressPool(uint32_t first, uint32_t last, std::string memory)
    : first_(first), last_(last), memory_(std::move(memory)), given_(first - 1) {
  auto text = read_file(memory_);
  auto given = text ? parse_address(std::string(trim(*text))) : std::nullopt;
  if (given && *given >= first_ && *given <= last_) given_ = *given;
}

AddressPool::AddressPool(AddressPool&& other) noexcept
    : first_(other.first_), last_(other.last_), memory_(std::move(other.memory_)), given_(other.given_),
      used_(std::move(other.used_)) {}

std::string AddressPool::node_address() const { return format_address(first_ - 1); }

Result<std::string> AddressPool::take() {
  std::lock_guard lock(mutex_);
  for (uint32_t tries = 0; tries <= last_ - first_; ++tries) {
    given_ = given_ >= last_ ? first_ : given_ + 1;
    if ((given_ & 255) == 0 || (given_ & 255) == 255 || used_.contains(given_)) continue;
    SERIN_TRY(write_file_atomically(memory_, format_address(given_)));
    used_.insert(given_);
    return format_address(given_);
  }
  return fail(Code::kUnavailable, concat("all pod addresses from ", format_address(first_), " to ",
                                         format_address(last_), " are in use"));
}

bool AddressPool::claim(const std::string& address) {
  auto value = parse_address(address);
  std::lock_guard lock(mutex_);
  return value && *value >= first_ && *value <= last_ && used_.insert(*value).second;
}

void AddressPool::release(const std::string& address) {
  auto value = parse_address(address);
  std::lock_guard lock(mutex_);
  if (value) used_.erase(*value);
}

}  // namespace serin::node
