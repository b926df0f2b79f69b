// The kinds that are questions, tokens of ServiceAccounts, and the documents to verify those with.

#include "apiserver/http/body.h"
#include "apiserver/http/call.h"
#include "base/strings.h"

namespace serin::apiserver {
namespace {

constexpr const char* kCacheControl = "public, max-age=3600";

}  // namespace

void ApiHandler::serve_review(Call& call) {
  auto body = read_body(call.request);
  if (!body) return call.fail(body.error());
  const kube::Resource& resource = call.resource->resource();
  auto answer = security_.reviews().answer({call.info.cluster, call.info.ns, resource.kind, call.user, std::move(body->value)});
  if (!answer) return call.fail(answer.error());
  send_made(call, *answer);
}

void ApiHandler::serve_token(Call& call) {
  auto body = read_body(call.request);
  if (!body) return call.fail(body.error());
  std::string_view kind = json::get_string(body->value, "kind");
  if (!body->value.is_object() || (!kind.empty() && kind != "TokenRequest"))
    return call.fail({Code::kBadRequest, "the body must be a TokenRequest"});
  auto answer = security_.accounts().request(call.info.cluster, {call.info.ns, call.info.name}, body->value);
  if (!answer) return call.fail(answer.error());
  send_made(call, *answer);
}

void ApiHandler::send_made(Call& call, const json::value& doc) {
  call.send(json_response(201, json::dump(doc)));
}

bool ApiHandler::serve_openid(Call& call) {
  std::string_view path = call.info.path;
  if (path != "/openid/v1/jwks" && path != "/.well-known/openid-configuration") return false;
  bool keys = path == "/openid/v1/jwks";
  const ServiceAccountTokens& accounts = security_.accounts();
  net::Response response = json_response(200, json::dump(keys ? accounts.keys() : accounts.openid_configuration(call.info.cluster)));
  if (keys) response.headers.set("Content-Type", "application/jwk-set+json");
  response.headers.set("Cache-Control", kCacheControl);
  call.send(std::move(response));
  return true;
}

}  // namespace serin::apiserver
