#include "net/url.h"

#include <algorithm>

#include "base/strings.h"

namespace serin::net {
namespace {

tl::unexpected<Error> not_a_url(std::string_view text, std::string_view why) {
  return fail(Code::kInvalid, concat("\"", text, "\" is not a URL: ", why));
}

bool odd(char c) {
  return static_cast<unsigned char>(c) <= ' ' || c == '"' || c == '<' || c == '>' || c == '\x7f';
}

}  // namespace

std::string authority(std::string_view host, uint16_t port, bool tls) {
  bool v6 = host.find(':') != std::string_view::npos;
  std::string out = v6 ? concat("[", host, "]") : std::string(host);
  if (port != (tls ? 443 : 80)) out += concat(":", port);
  return out;
}

std::string Url::authority() const { return net::authority(host, port, tls()); }

Result<Url> parse_url(std::string_view text) {
  if (std::any_of(text.begin(), text.end(), odd))
    return not_a_url(text, "it holds a character that must be escaped");
  Url url;
  std::string_view rest = text;
  size_t scheme = text.find("://");
  if (scheme == std::string_view::npos) {
    url.scheme = "https";
  } else {
    url.scheme = lower(text.substr(0, scheme));
    rest = text.substr(scheme + 3);
  }
  if (url.scheme != "http" && url.scheme != "https")
    return not_a_url(text, "the scheme must be http or https");
  if (rest.find('#') != std::string_view::npos)
    return not_a_url(text, "a fragment has no meaning here");

  size_t end = rest.find_first_of("/?");
  std::string_view authority = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end);
  if (authority.find('@') != std::string_view::npos)
    return not_a_url(text, "credentials do not belong in it");

  std::string_view port;
  if (authority.starts_with('[')) {
    size_t close = authority.find(']');
    if (close == std::string_view::npos) return not_a_url(text, "']' is missing");
    url.host = lower(authority.substr(1, close - 1));
    port = authority.substr(close + 1);
    if (!port.empty() && port[0] != ':')
      return not_a_url(text, "only a port may follow the address");
    if (!port.empty()) port.remove_prefix(1);
  } else if (auto parts = cut(authority, ':')) {
    url.host = lower(parts->first);
    port = parts->second;
  } else {
    url.host = lower(authority);
  }
  if (url.host.empty()) return not_a_url(text, "the host is missing");
  url.port = url.tls() ? 443 : 80;
  if (!port.empty()) {
    auto number = parse_int<uint16_t>(port);
    if (!number || *number == 0)
      return not_a_url(text, "the port must be a number from 1 to 65535");
    url.port = *number;
  }

  size_t mark = rest.find('?');
  url.path = std::string(rest.substr(0, mark));
  if (mark != std::string_view::npos) url.query = std::string(rest.substr(mark + 1));
  while (url.path.ends_with('/')) url.path.pop_back();
  return url;
}

}  // namespace serin::net
