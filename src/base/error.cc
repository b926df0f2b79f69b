#include "base/error.h"

#include <array>

namespace serin {
namespace {

struct Row {
  Code code;
  int http;
  std::string_view reason;
};

// k8s.io/apimachinery meta/v1 StatusReason and the HTTP codes documented beside each.
constexpr std::array<Row, 17> kRows{{
    {Code::kBadRequest, 400, "BadRequest"},
    {Code::kUnauthorized, 401, "Unauthorized"},
    {Code::kForbidden, 403, "Forbidden"},
    {Code::kNotFound, 404, "NotFound"},
    {Code::kMethodNotAllowed, 405, "MethodNotAllowed"},
    {Code::kNotAcceptable, 406, "NotAcceptable"},
    {Code::kAlreadyExists, 409, "AlreadyExists"},
    {Code::kConflict, 409, "Conflict"},
    {Code::kGone, 410, "Gone"},
    {Code::kExpired, 410, "Expired"},
    {Code::kTooLarge, 413, "RequestEntityTooLarge"},
    {Code::kUnsupportedMediaType, 415, "UnsupportedMediaType"},
    {Code::kInvalid, 422, "Invalid"},
    {Code::kTooManyRequests, 429, "TooManyRequests"},
    {Code::kInternal, 500, "InternalError"},
    {Code::kUnavailable, 503, "ServiceUnavailable"},
    {Code::kTimeout, 504, "Timeout"},
}};

}  // namespace

int http_status(Code code) {
  for (const Row& row : kRows)
    if (row.code == code) return row.http;
  return 500;
}

std::string_view reason(Code code) {
  for (const Row& row : kRows)
    if (row.code == code) return row.reason;
  return "InternalError";
}

Code code_from(std::string_view reason, int http) {
  for (const Row& row : kRows)
    if (row.reason == reason) return row.code;
  if (http == 409) return Code::kConflict;
  for (const Row& row : kRows)
    if (row.http == http) return row.code;
  return http >= 400 && http < 500 ? Code::kBadRequest : Code::kInternal;
}

}  // namespace serin
