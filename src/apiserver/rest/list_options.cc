#include "apiserver/rest/list_options.h"

#include "base/strings.h"

namespace serin::apiserver {

Error invalid_list_option(std::string field, std::string reason, std::string message) {
  std::string text = concat("ListOptions.meta.k8s.io \"\" is invalid: ", field, ": ", message);
  return {Code::kInvalid, std::move(text), {{std::move(reason), std::move(message), std::move(field)}}, {}, false};
}

Result<void> check_list_options(const ReadOptions& options) {
  const std::string& match = options.resource_version_match;
  auto forbidden = [](std::string_view why) {
    return fail(invalid_list_option("resourceVersionMatch", "FieldValueForbidden", concat("Forbidden: ", why)));
  };
  if (match.empty()) return {};
  if (options.resource_version.empty()) return forbidden("resourceVersionMatch is forbidden unless resourceVersion is provided");
  if (!options.continue_token.empty()) return forbidden("resourceVersionMatch is forbidden when continue is provided");
  if (match != "Exact" && match != "NotOlderThan")
    return fail(invalid_list_option("resourceVersionMatch", "FieldValueNotSupported",
                                    concat("Unsupported value: \"", match, "\": supported values: \"Exact\", \"NotOlderThan\", \"\"")));
  if (match == "Exact" && options.resource_version == "0")
    return forbidden("resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
  return {};
}

std::string ContinueToken::encode() const {
  int64_t version = revision == 0 ? -1 : static_cast<int64_t>(revision);
  return base64_encode(json::dump(json::object{{"rv", version}, {"ns", after.ns}, {"name", after.name}}));
}

Result<ContinueToken> ContinueToken::decode(const std::string& text) {
  auto bytes = base64_decode(text);
  auto doc = bytes ? json::parse(*bytes) : Result<json::value>(fail(Code::kBadRequest, ""));
  int64_t version = doc ? json::get_int(*doc, 0, "rv") : 0;
  if (version == 0 || version < -1) return fail(Code::kBadRequest, "continue key is not valid");
  return ContinueToken{version < 0 ? 0 : Revision(version),
                       {std::string(json::get_string(*doc, "ns")), std::string(json::get_string(*doc, "name"))}};
}

std::string inconsistent_token(const std::string& expired) {
  auto token = ContinueToken::decode(expired);
  if (!token) return {};
  token->revision = 0;
  return token->encode();
}

Error expired_token() {
  return {Code::kExpired,
          "The provided continue parameter is too old to display a consistent list result. You can start a new list without the "
          "continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with "
          "the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the "
          "first chunk was returned and now may show up in the list.",
          {}, {}, false};
}

}  // namespace serin::apiserver
