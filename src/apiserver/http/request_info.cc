#include "apiserver/http/request_info.h"

#include "base/strings.h"
#include "base/utf8.h"

namespace serin::apiserver {
namespace {

std::string verb_of(const net::Request& request, bool named) {
  const std::string& method = request.method;
  if (method == "GET" || method == "HEAD") {
    if (is_set(request, "watch")) return "watch";
    return named ? "get" : "list";
  }
  if (method == "POST") return "create";
  if (method == "PUT") return "update";
  if (method == "PATCH") return "patch";
  if (method == "DELETE") return named ? "delete" : "deletecollection";
  return {};
}

}  // namespace

RequestInfo parse_request(const net::Request& request) {
  RequestInfo info;
  std::vector<std::string> parts;
  for (std::string_view part : split(request.path, '/'))
    if (!part.empty()) parts.push_back(url_decode(part));
  for (const std::string& part : parts)
    info.proper &= part != "." && part != ".." && part.find('/') == std::string::npos && part.find('\0') == std::string::npos && is_utf8(part);
  info.proper &= is_utf8(url_decode(request.query));
  size_t at = 0;
  if (parts.size() >= 2 && parts[0] == "clusters") {
    info.cluster = parts[1];
    at = 2;
  }
  for (size_t i = at; i < parts.size(); ++i) info.path += "/" + parts[i];
  if (info.path.empty()) info.path = "/";
  info.verb = lower(request.method);
  auto left = [&] { return parts.size() - at; };
  if (left() >= 3 && parts[at] == "api") {
    info.version = parts[at + 1];
    at += 2;
  } else if (left() >= 4 && parts[at] == "apis") {
    info.group = parts[at + 1];
    info.version = parts[at + 2];
    at += 3;
  } else {
    return info;
  }
  info.is_resource = true;
  // /namespaces/<ns>/<resource>..., where a Namespace itself has only /status and /finalize below it.
  bool below_namespace = left() >= 3 && parts[at] == "namespaces";
  if (below_namespace && left() == 3 && (parts[at + 2] == "status" || parts[at + 2] == "finalize"))
    below_namespace = false;
  if (below_namespace) {
    info.ns = parts[at + 1];
    at += 2;
  }
  info.plural = parts[at++];
  if (left() > 0) info.name = parts[at++];
  if (left() > 0) info.subresource = parts[at++];
  if (left() > 0 && info.subresource != "proxy") {  // only a proxy has paths below it
    info.is_resource = false;
    return info;
  }
  info.verb = verb_of(request, !info.name.empty());
  return info;
}

bool is_set(const net::Request& request, std::string_view parameter) {
  if (!request.has_parameter(parameter)) return false;
  std::string value = lower(request.parameter(parameter));
  return value != "0" && value != "false";
}

}  // namespace serin::apiserver
