#include "apiserver/http/health.h"

#include <vector>

#include "base/strings.h"

namespace serin::apiserver {
namespace {

struct Part {
  std::string_view name;
  std::string wrong;  ///< empty: healthy
  bool excluded = false;
};

/// "readyz" of "/readyz/ping".
std::string_view endpoint(std::string_view path) {
  std::string_view rest = path.substr(std::min<size_t>(1, path.size()));
  return rest.substr(0, rest.find('/'));
}

net::Response text(int status, std::string body) {
  net::Response response;
  response.status = status;
  response.headers.set("Content-Type", "text/plain; charset=utf-8");
  response.headers.set("X-Content-Type-Options", "nosniff");
  response.body = std::move(body);
  return response;
}

}  // namespace

bool is_health_path(std::string_view path) {
  std::string_view name = endpoint(path);
  return path.starts_with('/') && (name == "healthz" || name == "livez" || name == "readyz");
}

net::Response health_answer(const net::Request& request, std::string_view path, const Result<void>& storage) {
  std::string_view name = endpoint(path), asked = path.substr(name.size() + 1);
  while (asked.starts_with('/')) asked.remove_prefix(1);
  std::vector<Part> parts{{"ping", {}}};
  if (name != "livez") parts.push_back({"storage", storage ? "" : storage.error().message});
  if (!asked.empty()) {
    for (const Part& part : parts)
      if (part.name == asked) return text(part.wrong.empty() ? 200 : 500, part.wrong.empty() ? "ok" : concat("storage failed: ", part.wrong));
    return text(404, "404 page not found\n");
  }
  bool healthy = true;
  std::string words;
  for (Part& part : parts) {
    part.excluded = request.parameter("exclude") == part.name;
    healthy &= part.excluded || part.wrong.empty();
    if (part.excluded) words += concat("[+]", part.name, " excluded: ok\n");
    else if (part.wrong.empty()) words += concat("[+]", part.name, " ok\n");
    else words += concat("[-]", part.name, " failed: ", part.wrong, '\n');
  }
  words += concat(name, " check ", healthy ? "passed" : "failed", '\n');
  if (!healthy) return text(500, std::move(words));
  return text(200, request.has_parameter("verbose") ? std::move(words) : "ok");
}

}  // namespace serin::apiserver
