#pragma once

/// What can go wrong, and the one way to say so.
///
/// Every fallible function of Serin returns `Result<T>`. An `Error` speaks the words of a Kubernetes Status:
/// its code maps 1:1 to a Status `reason` and an HTTP status, its causes to `details.causes`, so an error can
/// cross the API and come back unchanged. Exceptions of libraries are caught where the library is wrapped.
///
///   Result<Config> load(const std::string& path) {
///     std::string text = SERIN_TRY(read_file(path));
///     if (text.empty()) return fail(Code::kInvalid, path + " is empty");
///     return parse(text);
///   }

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

namespace serin {

enum class Code {
  kBadRequest,
  kUnauthorized,
  kForbidden,
  kNotFound,
  kMethodNotAllowed,
  kNotAcceptable,
  kAlreadyExists,
  kConflict,
  kGone,
  kExpired,  ///< 410: the resource version asked for has been compacted
  kTooLarge,
  kUnsupportedMediaType,
  kInvalid,
  kTooManyRequests,
  kInternal,
  kUnavailable,
  kTimeout,  ///< 504
};

/// The HTTP status code that Kubernetes sends for `code`.
int http_status(Code code);
/// The Status `reason`, such as "AlreadyExists".
std::string_view reason(Code code);
/// The inverse; `http` decides where the reason is unknown or empty.
Code code_from(std::string_view reason, int http);

/// One entry of a Status's `details.causes`.
struct Cause {
  std::string reason;   ///< such as "FieldValueInvalid", "FieldManagerConflict"
  std::string message;
  std::string field;    ///< path in the object, such as "spec.replicas"
};

struct Error {
  Code code = Code::kInternal;
  std::string message;  ///< one sentence for a person; names the field or object
  std::vector<Cause> causes;
  std::optional<std::chrono::seconds> retry_after;
  /// A reconciler's error that trying again cannot heal: it waits for a change instead of backing off.
  bool terminal = false;
};

template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }
inline tl::unexpected<Error> fail(Code code, std::string message) {
  return fail(Error{code, std::move(message), {}, {}, false});
}

/// True if `result` failed with `code`.
template <class T>
bool failed_with(const Result<T>& result, Code code) {
  return !result && result.error().code == code;
}

namespace detail {
template <class T>
T take(Result<T>&& result) {
  return *std::move(result);
}
inline void take(Result<void>&&) {}
}  // namespace detail

}  // namespace serin

/// The value of a Result, or an early return of its error.
#define SERIN_TRY(expression)                                                      \
  ({                                                                               \
    auto serin_try_ = (expression);                                                \
    if (!serin_try_) return ::tl::unexpected(std::move(serin_try_).error());       \
    ::serin::detail::take(std::move(serin_try_));                                  \
  })
