// /openapi/v2, for kubectl before 1.27 and Argo CD.

#include "apiserver/http/call.h"
#include "apiserver/http/openapi_documents.h"
#include "base/strings.h"

namespace serin::apiserver {
namespace {

/// The name that clients ask for has an '@', which a media type may not have; the answer has a dot.
constexpr std::string_view kAsked = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
constexpr std::string_view kAnswered = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/// Whether protobuf is wanted; nullopt where nothing of the header can be had.
std::optional<bool> wants_protobuf(std::string_view accept) {
  if (trim(accept).empty()) return false;
  for (std::string_view media : split(accept, ',')) {
    std::string_view type = trim(media.substr(0, media.find(';')));
    if (type == kAsked || type == kAnswered) return true;
    if (type == "application/json" || type == "*/*" || type == "application/*") return false;
  }
  return std::nullopt;
}

}  // namespace

void ApiHandler::serve_openapi_v2(Call& call) {
  auto protobuf = wants_protobuf(call.request.headers.get("Accept"));
  if (!protobuf)
    return call.fail({Code::kNotAcceptable, concat("only the following media types are accepted: application/json, ", kAsked)});
  std::shared_ptr<OpenApiDocuments> documents = openapi(call.cluster);
  std::string tag = concat('"', documents->hash(), '"');
  net::Response response;
  response.headers.set("ETag", tag);
  response.headers.set("Vary", "Accept");
  if (call.request.headers.get("If-None-Match") == tag) {
    response.status = 304;
  } else {
    response.headers.set("Content-Type", std::string(*protobuf ? kAnswered : "application/json"));
    response.shared_body = documents->v2(*protobuf);
  }
  call.send(std::move(response));
}

}  // namespace serin::apiserver
