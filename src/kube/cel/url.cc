#include "kube/cel/url.h"

#include <algorithm>

#include "base/strings.h"

namespace serin::kube::cel {
namespace {

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_alnum(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool good_escapes(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i)
    if (text[i] == '%' && (i + 2 >= text.size() || !is_hex(text[i + 1]) || !is_hex(text[i + 2]))) return false;
  return true;
}

bool good_port(std::string_view port) {
  return std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool good_host(std::string_view host) {
  if (host.starts_with('[')) {
    size_t close = host.rfind(']');
    if (close == std::string_view::npos) return false;
    std::string_view rest = host.substr(close + 1);
    return rest.empty() || (rest[0] == ':' && good_port(rest.substr(1)));
  }
  if (size_t colon = host.rfind(':'); colon != std::string_view::npos && !good_port(host.substr(colon + 1))) return false;
  for (char c : host) {
    bool plain = is_alnum(c) || std::string_view("-_.~!$&'()*+,;=:[]<>\"%").find(c) != std::string_view::npos || (c & 0x80) != 0;
    if (!plain) return false;
  }
  return host.find('%') == std::string_view::npos;
}

bool good_user(std::string_view user) {
  return std::all_of(user.begin(), user.end(), [](char c) {
    return is_alnum(c) || std::string_view("-._:~!$&'()*+,;=%@").find(c) != std::string_view::npos;
  }) && good_escapes(user);
}

/// The path as a request line has it: what may not stand there is escaped.
std::string escaped_path(std::string_view path) {
  static constexpr std::string_view kPlain = "-_.~$&+,/:;=@!'()*[]%";
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (char c : path) {
    if (is_alnum(c) || kPlain.find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += '%';
      out += kHex[static_cast<unsigned char>(c) >> 4];
      out += kHex[c & 15];
    }
  }
  return out;
}

}  // namespace

std::optional<Url> parse_url(std::string_view text) {
  if (text.empty() || !good_escapes(text.substr(0, text.find_first_of("?#")))) return std::nullopt;
  for (char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return std::nullopt;
  Url url;
  url.text = text;
  std::string_view rest = text;
  if (rest == "*") {
    url.path = "*";
    return url;
  }
  bool letter = (rest[0] | 0x20) >= 'a' && (rest[0] | 0x20) <= 'z';
  if (rest[0] == ':') return std::nullopt;
  if (letter) {
    size_t i = 0;
    while (i < rest.size() && (is_alnum(rest[i]) || rest[i] == '+' || rest[i] == '-' || rest[i] == '.')) ++i;
    if (i < rest.size() && rest[i] == ':') {
      url.scheme = lower(rest.substr(0, i));
      rest.remove_prefix(i + 1);
    }
  }
  if (url.scheme.empty() && !rest.starts_with('/')) return std::nullopt;
  if (size_t mark = rest.find('#'); mark != std::string_view::npos) rest = rest.substr(0, mark);
  if (size_t mark = rest.find('?'); mark != std::string_view::npos) {
    url.query = rest.substr(mark + 1);
    rest = rest.substr(0, mark);
  }
  if (!rest.starts_with('/')) return url.scheme.empty() ? std::nullopt : std::optional(url);  // "mailto:x": opaque
  if (!url.scheme.empty() && rest.starts_with("//")) {
    rest.remove_prefix(2);
    std::string_view authority = rest.substr(0, rest.find('/'));
    rest.remove_prefix(authority.size());
    if (size_t at = authority.rfind('@'); at != std::string_view::npos) {
      if (!good_user(authority.substr(0, at))) return std::nullopt;
      authority.remove_prefix(at + 1);
    }
    if (!good_host(authority)) return std::nullopt;
    url.host = authority;
  }
  url.path = escaped_path(rest);
  return url;
}

std::string Url::hostname() const {
  std::string_view h = host;
  if (h.starts_with('[')) return std::string(h.substr(1, h.find(']') - 1));
  return std::string(h.substr(0, h.rfind(':')));
}

std::string Url::port() const {
  size_t colon = host.rfind(':');
  if (colon == std::string::npos || host.find(']', colon) != std::string::npos) return {};
  return host.substr(colon + 1);
}

std::vector<std::pair<std::string, std::vector<std::string>>> Url::parameters() const {
  std::vector<std::pair<std::string, std::vector<std::string>>> all;
  for (std::string_view part : split(query, '&')) {
    if (part.empty() || part.find(';') != std::string_view::npos || !good_escapes(part)) continue;
    size_t mark = part.find('=');
    std::string key = url_decode(part.substr(0, mark), true);
    std::string value = mark == std::string_view::npos ? std::string() : url_decode(part.substr(mark + 1), true);
    auto known = std::find_if(all.begin(), all.end(), [&](const auto& pair) { return pair.first == key; });
    if (known == all.end()) known = all.insert(all.end(), {key, {}});
    known->second.push_back(std::move(value));
  }
  return all;
}

}  // namespace serin::kube::cel
