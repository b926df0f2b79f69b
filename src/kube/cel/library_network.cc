// Kubernetes' URL, IP and CIDR libraries.

#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "kube/cel/library.h"
#include "kube/cel/url.h"

namespace serin::kube::cel {
namespace {

struct Address {
  std::array<uint8_t, 16> bytes{};
  int bits = 0;  ///< 32 or 128
  bool operator==(const Address&) const = default;

  bool v4() const { return bits == 32; }
  bool unspecified() const {
    return std::all_of(bytes.begin(), bytes.end(), [](uint8_t b) { return b == 0; });
  }
  bool loopback() const { return v4() ? bytes[0] == 127 : *this == one(); }
  bool link_local_unicast() const {
    return v4() ? bytes[0] == 169 && bytes[1] == 254 : bytes[0] == 0xFE && (bytes[1] & 0xC0) == 0x80;
  }
  bool multicast() const { return v4() ? (bytes[0] & 0xF0) == 0xE0 : bytes[0] == 0xFF; }
  bool link_local_multicast() const {
    return v4() ? bytes[0] == 224 && bytes[1] == 0 && bytes[2] == 0 : bytes[0] == 0xFF && (bytes[1] & 0x0F) == 2;
  }
  bool broadcast() const { return v4() && bytes[0] == 255 && bytes[1] == 255 && bytes[2] == 255 && bytes[3] == 255; }
  bool global_unicast() const {
    return !unspecified() && !broadcast() && !loopback() && !multicast() && !link_local_unicast();
  }
  bool mapped_v4() const {
    return !v4() && std::all_of(bytes.begin(), bytes.begin() + 10, [](uint8_t b) { return b == 0; }) && bytes[10] == 0xFF &&
           bytes[11] == 0xFF;
  }
  Address masked(int prefix) const {
    Address out = *this;
    for (int i = 0; i < bits / 8; ++i) {
      int keep = std::clamp(prefix - i * 8, 0, 8);
      out.bytes[static_cast<size_t>(i)] &= static_cast<uint8_t>(0xFF00 >> keep);
    }
    return out;
  }

  static Address one() {
    Address out;
    out.bits = 128;
    out.bytes[15] = 1;
    return out;
  }

  /// RFC 5952.
  std::string str() const {
    if (v4()) return concat(int(bytes[0]), '.', int(bytes[1]), '.', int(bytes[2]), '.', int(bytes[3]));
    std::array<int, 8> words{};
    for (size_t i = 0; i < 8; ++i) words[i] = bytes[2 * i] << 8 | bytes[2 * i + 1];
    size_t best = 8, best_size = 1;
    for (size_t i = 0; i < 8; ++i) {
      size_t size = 0;
      while (i + size < 8 && words[i + size] == 0) ++size;
      if (size > best_size) {
        best = i;
        best_size = size;
      }
    }
    std::string out;
    for (size_t i = 0; i < 8; ++i) {
      if (i == best) {
        out += "::";
        i += best_size - 1;
        continue;
      }
      if (!out.empty() && out.back() != ':') out += ':';
      char word[8];
      std::snprintf(word, sizeof(word), "%x", static_cast<unsigned>(words[i]));
      out += word;
    }
    return out;
  }
};

std::optional<Address> parse_any(std::string_view text) {
  std::string copy(text);
  if (copy.find('\0') != std::string::npos) return std::nullopt;
  Address out;
  if (copy.find(':') == std::string::npos) {
    out.bits = 32;
    if (inet_pton(AF_INET, copy.c_str(), out.bytes.data()) != 1) return std::nullopt;
    return out;
  }
  out.bits = 128;
  if (inet_pton(AF_INET6, copy.c_str(), out.bytes.data()) != 1) return std::nullopt;
  return out;
}

/// Zones and IPv4 in IPv6 are not allowed.
std::optional<Address> parse_address(std::string_view text) {
  auto address = parse_any(text);
  return address && !address->mapped_v4() ? address : std::nullopt;
}

struct Network {
  Address address;
  int prefix = 0;
};
std::optional<Network> parse_network(std::string_view text) {
  size_t slash = text.rfind('/');
  if (slash == std::string_view::npos) return std::nullopt;
  auto address = parse_address(text.substr(0, slash));
  std::string_view size = text.substr(slash + 1);
  auto prefix = parse_int<int>(size);
  bool padded = size.size() > 1 && (size[0] < '1' || size[0] > '9');
  if (!address || !prefix || padded || *prefix < 0 || *prefix > address->bits) return std::nullopt;
  return Network{*address, *prefix};
}

class IpValue final : public Opaque {
 public:
  explicit IpValue(Address address) : address(address) {}
  std::string_view type_name() const override { return "net.IP"; }
  bool equals(const Opaque& other) const override { return address == static_cast<const IpValue&>(other).address; }
  size_t cost_size() const override { return static_cast<size_t>(address.bits) / 8; }
  Address address;
};
class CidrValue final : public Opaque {
 public:
  explicit CidrValue(Network network) : network(network) {}
  std::string_view type_name() const override { return "net.CIDR"; }
  bool equals(const Opaque& other) const override {
    const Network& o = static_cast<const CidrValue&>(other).network;
    return network.address == o.address && network.prefix == o.prefix;
  }
  size_t cost_size() const override { return static_cast<size_t>(network.prefix + 7) / 8; }
  Network network;
};
class UrlValue final : public Opaque {
 public:
  explicit UrlValue(Url url) : url(std::move(url)) {}
  std::string_view type_name() const override { return "kubernetes.URL"; }
  bool equals(const Opaque& other) const override { return url.text == static_cast<const UrlValue&>(other).url.text; }
  Url url;
};

Value make_ip(const Address& address) { return Value::opaque(std::make_shared<const IpValue>(address)); }
Value make_cidr(const Network& network) { return Value::opaque(std::make_shared<const CidrValue>(network)); }
const Address& ip_of(const Value& v) { return static_cast<const IpValue&>(v.opaque()).address; }
const Network& cidr_of(const Value& v) { return static_cast<const CidrValue&>(v.opaque()).network; }
const Url& url_of(const Value& v) { return static_cast<const UrlValue&>(v.opaque()).url; }

Value bad_ip(std::string_view text) {
  return Value::error(concat("IP Address ", json::dump(json::value(text)), " parse error during conversion from string"));
}
Value bad_cidr(std::string_view text) {
  return Value::error(concat("network address parse error during conversion from string: ", json::dump(json::value(text))));
}

Value ip(Args a) {
  auto address = parse_address(a[0].text());
  return address ? make_ip(*address) : bad_ip(a[0].text());
}
Value is_ip(Args a) { return Value::boolean(parse_address(a[0].text()).has_value()); }
Value is_canonical(Args a) {
  auto address = parse_address(a[0].text());
  return address ? Value::boolean(address->str() == a[0].text()) : bad_ip(a[0].text());
}
Value family(Args a) { return Value::integer(ip_of(a[0]).v4() ? 4 : 6); }
Value is_unspecified(Args a) { return Value::boolean(ip_of(a[0]).unspecified()); }
Value is_loopback(Args a) { return Value::boolean(ip_of(a[0]).loopback()); }
Value is_link_local_multicast(Args a) { return Value::boolean(ip_of(a[0]).link_local_multicast()); }
Value is_link_local_unicast(Args a) { return Value::boolean(ip_of(a[0]).link_local_unicast()); }
Value is_global_unicast(Args a) { return Value::boolean(ip_of(a[0]).global_unicast()); }
Value ip_text(Args a) { return Value::string(ip_of(a[0]).str()); }

bool contains(const Network& network, const Address& address) {
  return network.address.bits == address.bits && address.masked(network.prefix) == network.address.masked(network.prefix);
}
bool contains(const Network& network, const Network& part) {
  return network.prefix <= part.prefix && contains(network, part.address);
}
Value cidr(Args a) {
  auto network = parse_network(a[0].text());
  return network ? make_cidr(*network) : bad_cidr(a[0].text());
}
Value is_cidr(Args a) { return Value::boolean(parse_network(a[0].text()).has_value()); }
Value contains_ip(Args a) { return Value::boolean(contains(cidr_of(a[0]), ip_of(a[1]))); }
Value contains_ip_text(Args a) {
  auto address = parse_address(a[1].text());
  return address ? Value::boolean(contains(cidr_of(a[0]), *address)) : bad_ip(a[1].text());
}
Value contains_cidr(Args a) { return Value::boolean(contains(cidr_of(a[0]), cidr_of(a[1]))); }
Value contains_cidr_text(Args a) {
  auto network = parse_network(a[1].text());
  return network ? Value::boolean(contains(cidr_of(a[0]), *network)) : bad_cidr(a[1].text());
}
Value cidr_ip(Args a) { return make_ip(cidr_of(a[0]).address); }
Value prefix_length(Args a) { return Value::integer(cidr_of(a[0]).prefix); }
Value masked(Args a) { return make_cidr({cidr_of(a[0]).address.masked(cidr_of(a[0]).prefix), cidr_of(a[0]).prefix}); }
Value cidr_text(Args a) { return Value::string(concat(cidr_of(a[0]).address.str(), '/', cidr_of(a[0]).prefix)); }

Value url(Args a) {
  auto parsed = parse_url(a[0].text());
  if (!parsed) return Value::error(concat("URL parse error during conversion from string: parse ", json::dump(json::value(a[0].text()))));
  return Value::opaque(std::make_shared<const UrlValue>(*std::move(parsed)));
}
Value is_url(Args a) { return Value::boolean(parse_url(a[0].text()).has_value()); }
Value url_scheme(Args a) { return Value::string(url_of(a[0]).scheme); }
Value url_host(Args a) { return Value::string(url_of(a[0]).host); }
Value url_hostname(Args a) { return Value::string(url_of(a[0]).hostname()); }
Value url_port(Args a) { return Value::string(url_of(a[0]).port()); }
Value url_path(Args a) { return Value::string(url_of(a[0]).path); }
Value url_query(Args a) {
  std::vector<std::pair<Value, Value>> entries;
  for (auto& [key, values] : url_of(a[0]).parameters()) {
    std::vector<Value> all;
    for (std::string& value : values) all.push_back(Value::string(std::move(value)));
    entries.emplace_back(Value::string(key), Value::list(std::move(all)));
  }
  return Value::map(std::move(entries));
}

constexpr Row kRows[] = {
    {"string_to_ip", "ip(string) IP", ip, Cost::kText},
    {"is_ip", "isIP(string) bool", is_ip, Cost::kText},
    {"ip_is_canonical", "ip.isCanonical(string) bool", is_canonical, Cost::kTextTwice},
    {"ip_family", "IP:family() int", family},
    {"ip_is_unspecified", "IP:isUnspecified() bool", is_unspecified},
    {"ip_is_loopback", "IP:isLoopback() bool", is_loopback},
    {"ip_is_link_local_multicast", "IP:isLinkLocalMulticast() bool", is_link_local_multicast},
    {"ip_is_link_local_unicast", "IP:isLinkLocalUnicast() bool", is_link_local_unicast},
    {"ip_is_global_unicast", "IP:isGlobalUnicast() bool", is_global_unicast},
    {"ip_to_string", "string(IP) string", ip_text},
    {"string_to_cidr", "cidr(string) CIDR", cidr, Cost::kText},
    {"is_cidr", "isCIDR(string) bool", is_cidr, Cost::kText},
    {"cidr_contains_ip_string", "CIDR:containsIP(string) bool", contains_ip_text, Cost::kContainsIpText},
    {"cidr_contains_ip_ip", "CIDR:containsIP(IP) bool", contains_ip, Cost::kContainsIp},
    {"cidr_contains_cidr_string", "CIDR:containsCIDR(string) bool", contains_cidr_text, Cost::kContainsCidrText},
    {"cidr_contains_cidr", "CIDR:containsCIDR(CIDR) bool", contains_cidr, Cost::kContainsCidr},
    {"cidr_ip", "CIDR:ip() IP", cidr_ip},
    {"cidr_prefix_length", "CIDR:prefixLength() int", prefix_length},
    {"cidr_masked", "CIDR:masked() CIDR", masked},
    {"cidr_to_string", "string(CIDR) string", cidr_text},
    {"string_to_url", "url(string) URL", url, Cost::kTextSized},
    {"is_url_string", "isURL(string) bool", is_url},
    {"url_get_scheme", "URL:getScheme() string", url_scheme},
    {"url_get_host", "URL:getHost() string", url_host},
    {"url_get_hostname", "URL:getHostname() string", url_hostname},
    {"url_get_port", "URL:getPort() string", url_port},
    {"url_get_escaped_path", "URL:getEscapedPath() string", url_path},
    {"url_get_query", "URL:getQuery() map(string, list(string))", url_query},
};

}  // namespace

std::span<const Row> network_rows() { return kRows; }

}  // namespace serin::kube::cel
