#include "apiserver/http/status.h"

#include "base/utf8.h"

namespace serin::apiserver {
namespace {

json::object details_of(const RequestInfo& about, std::string_view kind) {
  json::object details;
  if (!about.name.empty()) details["name"] = about.name;
  if (!about.group.empty()) details["group"] = about.group;
  if (!about.plural.empty()) details["kind"] = kind.empty() ? std::string_view(about.plural) : kind;
  return details;
}

}  // namespace

json::value status_of(const Error& error, const RequestInfo& about, std::string_view kind) {
  json::object details = details_of(about, error.code == Code::kInvalid ? kind : std::string_view());
  if (!error.causes.empty()) {
    json::array causes;
    for (const Cause& cause : error.causes) {
      json::object one{{"reason", cause.reason}, {"message", cause.message}};
      if (!cause.field.empty()) one["field"] = cause.field;
      causes.push_back(std::move(one));
    }
    details["causes"] = std::move(causes);
  }
  if (error.retry_after) details["retryAfterSeconds"] = error.retry_after->count();
  json::object status{{"kind", "Status"},          {"apiVersion", "v1"}, {"metadata", json::object()},
                      {"status", "Failure"},       {"message", to_utf8(error.message)},
                      {"reason", reason(error.code)}};
  if (!details.empty()) status["details"] = std::move(details);
  status["code"] = http_status(error.code);
  return status;
}

net::Response json_response(int status, std::string body) {
  net::Response response;
  response.status = status;
  response.headers.set("Content-Type", "application/json");
  response.body = std::move(body);
  return response;
}

net::Response error_response(const Error& error, const RequestInfo& about, std::string_view kind) {
  net::Response response = json_response(http_status(error.code), json::dump(status_of(error, about, kind)));
  if (error.retry_after) response.headers.set("Retry-After", std::to_string(error.retry_after->count()));
  return response;
}

json::value deleted_status(const RequestInfo& about, std::string_view uid) {
  json::object details = details_of(about, {});
  details["uid"] = uid;
  return json::object{{"kind", "Status"}, {"apiVersion", "v1"}, {"metadata", json::object()},
                      {"status", "Success"}, {"details", std::move(details)}};
}

}  // namespace serin::apiserver
