#include "cluster/service_addresses.h"

#include "base/hash.h"
#include "base/strings.h"

namespace serin::cluster {
namespace {

constexpr uint32_t kSize = 1 << 15;  // a /17

std::optional<uint32_t> parse_address(std::string_view text) {
  uint32_t address = 0;
  auto parts = split(text, '.');
  if (parts.size() != 4) return std::nullopt;
  for (std::string_view part : parts) {
    std::optional<uint32_t> octet = parse_int<uint32_t>(part);
    if (!octet || *octet > 255) return std::nullopt;
    address = address << 8 | *octet;
  }
  return address;
}

}  // namespace

ServiceAddressAllocator::ServiceAddressAllocator(int number)
    : first_(127u << 24 | static_cast<uint32_t>(10 + number) << 16 | 128u << 8) {}

std::string ServiceAddressAllocator::address(uint32_t index) const {
  uint32_t address = first_ + index;
  return concat(address >> 24, ".", address >> 16 & 255, ".", address >> 8 & 255, ".", address & 255);
}

bool ServiceAddressAllocator::contains(std::string_view text) const {
  std::optional<uint32_t> address = parse_address(text);
  return address && *address >= first_ && *address < first_ + kSize;
}

Result<std::string> ServiceAddressAllocator::allocate(std::string_view name, const std::set<std::string>& used) const {
  constexpr uint32_t kUsable = kSize - kReserved - 1;  // the last one is a broadcast address
  uint32_t start = fnv1a_32(name) % kUsable;
  for (uint32_t i = 0; i < kUsable; ++i) {
    std::string candidate = address(kReserved + (start + i) % kUsable);
    if (!used.count(candidate)) return candidate;
  }
  return fail(Code::kUnavailable, "every Service address of this cluster is in use");
}

Result<kube::Object> ServiceAddressAllocator::assign(const kube::Object& service,
                                                     const std::set<std::string>& used) const {
  if (json::get_string(service.doc(), "spec", "type") == "ExternalName") return service;
  std::string address(json::get_string(service.doc(), "spec", "clusterIP"));
  if (address == "None") {
    return service.edit([](json::value& doc) { json::set(doc, {"spec", "clusterIPs"}, json::array{"None"}); });
  }
  if (address.empty()) {
    address = SERIN_TRY(allocate(service.key().str(), used));
  } else {
    std::string problem = !contains(address)     ? "the address is not in the cluster's range"
                          : used.count(address) ? "the address is in use by another Service"
                                                : "";
    if (!problem.empty())
      return fail({Code::kInvalid, concat("spec.clusterIP: Invalid value: \"", address, "\": ", problem),
                   {{"FieldValueInvalid", problem, "spec.clusterIP"}}, {}, false});
  }
  return service.edit([&](json::value& doc) {
    json::set(doc, {"spec", "clusterIP"}, json::value(address));
    json::set(doc, {"spec", "clusterIPs"}, json::array{address});
    json::set(doc, {"spec", "ipFamilies"}, json::array{"IPv4"});
    if (!json::find(doc, "spec", "ipFamilyPolicy")) json::set(doc, {"spec", "ipFamilyPolicy"}, "SingleStack");
  });
}

json::value load_balancer_status(const kube::Object& service) {
  std::string_view address = json::get_string(service.doc(), "spec", "clusterIP");
  bool balanced = json::get_string(service.doc(), "spec", "type") == "LoadBalancer";
  if (!balanced || address.empty() || address == "None") return json::object();
  return json::object{{"ingress", json::array{json::object{{"ip", address}, {"ipMode", "VIP"}}}}};
}

}  // namespace serin::cluster
