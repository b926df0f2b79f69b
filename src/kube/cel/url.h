#pragma once

/// URLs as Go's net/url reads them with ParseRequestURI and then Parse. Pure.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace serin::kube::cel {

struct Url {
  std::string text;  ///< as written
  std::string scheme, host, path, query;
  std::string hostname() const;  ///< without port and brackets
  std::string port() const;
  /// The parameters in the order of their first use, each with its values.
  std::vector<std::pair<std::string, std::vector<std::string>>> parameters() const;
};

/// An absolute URL or an absolute path; nullopt for anything else, such as "a/b" or a bad escape.
std::optional<Url> parse_url(std::string_view text);

}  // namespace serin::kube::cel
