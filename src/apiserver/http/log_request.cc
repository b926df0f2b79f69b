#include "apiserver/http/log_request.h"

#include <algorithm>

#include "apiserver/http/request_info.h"
#include "base/strings.h"
#include "base/time.h"

namespace serin::apiserver {
namespace {

constexpr const char* kContainerLists[] = {"containers", "initContainers", "ephemeralContainers"};
constexpr const char* kStatusLists[] = {"containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"};

tl::unexpected<Error> invalid(const kube::Object& pod, std::string_view field, std::string message) {
  std::string text = concat("PodLogOptions \"", pod.name(), "\" is invalid: ", field, ": ", message);
  return fail(Error{Code::kInvalid, std::move(text), {{"FieldValueInvalid", std::move(message), std::string(field)}}, {}, false});
}

std::string names(const kube::Object& pod, std::string_view list) {
  std::vector<std::string> all;
  for (const json::value& c : json::items(pod.doc(), "spec", list)) all.emplace_back(json::get_string(c, "name"));
  return join(all, " ");
}

Result<std::string> container_of(const kube::Object& pod, std::string asked) {
  const json::array& containers = json::items(pod.doc(), "spec", "containers");
  if (asked.empty()) {
    if (containers.size() == 1) return std::string(json::get_string(containers.front(), "name"));
    std::string message = concat("a container name must be specified for pod ", pod.name(), ", choose one of: [", names(pod, "containers"), "]");
    if (std::string inits = names(pod, "initContainers"); !inits.empty()) message += concat(" or one of the init containers: [", inits, "]");
    return fail(Code::kBadRequest, std::move(message));
  }
  for (const char* list : kContainerLists)
    for (const json::value& c : json::items(pod.doc(), "spec", list))
      if (json::get_string(c, "name") == asked) return asked;
  return fail(Code::kBadRequest, concat("container ", asked, " is not valid for pod ", pod.name()));
}

/// Whether there can be a log, as far as the pod's status knows.
Result<void> check_state(const kube::Object& pod, const std::string& container, bool previous) {
  for (const char* list : kStatusLists)
    for (const json::value& status : json::items(pod.doc(), "status", list)) {
      if (json::get_string(status, "name") != container) continue;
      bool ran_before = json::find_object(status, "lastState", "terminated") != nullptr;
      std::string which = concat("container \"", container, "\" in pod \"", pod.name(), '"');
      if (previous && !ran_before) return fail(Code::kBadRequest, concat("previous terminated ", which, " not found"));
      if (previous || ran_before || !json::find_object(status, "state", "waiting")) return {};
      std::string_view reason = json::get_string(status, "state", "waiting", "reason");
      if (reason == "ErrImagePull") return fail(Code::kBadRequest, concat(which, " is waiting to start: image can't be pulled"));
      if (reason == "ImagePullBackOff")
        return fail(Code::kBadRequest, concat(which, " is waiting to start: trying and failing to pull image"));
      return fail(Code::kBadRequest, concat(which, " is waiting to start: ", reason));
    }
  return {};
}

}  // namespace

Result<LogOptions> read_log_options(const net::Request& request, const kube::Object& pod, TimePoint now) {
  LogOptions log;
  auto number = [&](const char* name, int64_t least, std::string_view rule) -> Result<std::optional<int64_t>> {
    std::string text = request.parameter(name);
    if (text.empty()) return std::nullopt;
    auto parsed = parse_int<int64_t>(text);
    if (!parsed) return fail(Code::kBadRequest, concat("strconv.ParseInt: parsing \"", text, "\": invalid syntax"));
    if (*parsed < least) return invalid(pod, name, concat("Invalid value: ", text, ": ", rule));
    return parsed;
  };
  log.follow = is_set(request, "follow");
  log.previous = is_set(request, "previous");
  log.timestamps = is_set(request, "timestamps");
  log.tail_lines = SERIN_TRY(number("tailLines", 0, "must be greater than or equal to 0"));
  log.limit_bytes = SERIN_TRY(number("limitBytes", 1, "must be greater than 0"));
  auto seconds = SERIN_TRY(number("sinceSeconds", 1, "must be greater than 0"));
  std::string since = request.parameter("sinceTime");
  if (seconds && !since.empty()) return invalid(pod, "sinceSeconds", "Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified");
  if (seconds) log.since = now - std::chrono::seconds(*seconds);
  if (!since.empty()) {
    log.since = parse_time(since);
    if (!log.since) return fail(Code::kBadRequest, concat("parsing time \"", since, "\" as RFC 3339"));
  }
  log.container = SERIN_TRY(container_of(pod, request.parameter("container")));
  SERIN_TRY(check_state(pod, log.container, log.previous));
  return log;
}

}  // namespace serin::apiserver
