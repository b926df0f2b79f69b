#pragma once

/// HTTP messages as values, shared by server and client.

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace serin::net {

/// Header fields in order. Names compare without regard to case.
class Headers {
 public:
  /// The first value of `name`, or "".
  std::string_view get(std::string_view name) const;
  bool has(std::string_view name) const;
  void add(std::string name, std::string value);
  /// Replaces every value of `name`.
  void set(std::string_view name, std::string value);
  const std::vector<std::pair<std::string, std::string>>& all() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

/// Who is at the other end, as far as TLS knows.
struct Peer {
  std::string address;                     ///< "127.0.0.1:53422"
  std::string common_name;                 ///< subject CN of a verified client certificate, or ""
  std::vector<std::string> organizations;  ///< its subject O values
};

struct Request {
  std::string method;  ///< upper case
  std::string path;    ///< without query, not decoded
  std::string query;   ///< without '?', not decoded
  Headers headers;
  std::string body;
  Peer peer;

  /// Path and query from the target of a request line ("/a?b=c").
  void set_target(std::string_view target);
  /// The first value of a query parameter, decoded; "" where there is none.
  std::string parameter(std::string_view name) const;
  bool has_parameter(std::string_view name) const;
  std::vector<std::pair<std::string, std::string>> parameters() const;
};

/// Bytes that many connections may send at once.
using SharedBytes = std::shared_ptr<const std::string>;

struct Response {
  int status = 200;
  Headers headers;
  std::string body;
  SharedBytes shared_body;  ///< servers only: sent after `body`, without a copy
};

/// The reason phrase of an HTTP status: "Not Found".
std::string_view status_text(int status);

}  // namespace serin::net
