#pragma once

/// The parts of an http or https URL. Pure.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace serin::net {

struct Url {
  std::string scheme;  ///< "http" or "https"
  std::string host;    ///< lower case, without the brackets of an IPv6 address
  uint16_t port = 0;   ///< always set: 80 and 443 where the URL names none
  std::string path;    ///< not decoded, without a trailing '/'; empty where there is none
  std::string query;   ///< not decoded, without '?'

  bool tls() const { return scheme == "https"; }
  /// As in a Host field: with brackets, and with the port unless it is the scheme's own.
  std::string authority() const;
};

/// Without a scheme, https is meant. A user part or a fragment is kInvalid.
Result<Url> parse_url(std::string_view text);
/// As a Host field has it; `port` is left out where it is the scheme's own.
std::string authority(std::string_view host, uint16_t port, bool tls);

}  // namespace serin::net
