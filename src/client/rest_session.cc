#include "client/rest_session.h"

#include <fstream>
#include <sstream>

#include "base/strings.h"
#include "client/rest_codec.h"

namespace serin::client {
namespace {

std::string fixed_authorization(const KubeContext& context) {
  if (!context.token.empty()) return "Bearer " + context.token;
  if (!context.username.empty())
    return "Basic " + base64_encode(context.username + ":" + context.password);
  return "";
}

}  // namespace

RestSession::RestSession(const KubeContext& context, const RestOptions& options, Clock& clock,
                         net::Url url, std::unique_ptr<net::HttpClient> http)
    : options_(options),
      clock_(clock),
      url_(std::move(url)),
      http_(std::move(http)),
      token_file_(context.token_file),
      authorization_(fixed_authorization(context)) {}

Result<std::shared_ptr<RestSession>> RestSession::create(const KubeContext& context,
                                                         const RestOptions& options, Clock& clock) {
  net::Url url = SERIN_TRY(net::parse_url(context.server));
  if (!url.query.empty())
    return fail(Code::kInvalid, concat("the server's URL ", context.server, " has a query"));
  net::ClientOptions http;
  http.host = url.host;
  http.port = url.port;
  http.tls = url.tls();
  http.ca_pem = context.ca_pem;
  http.insecure_skip_verify = context.insecure_skip_tls_verify;
  http.server_name = context.tls_server_name;
  http.certificate_pem = context.certificate_pem;
  http.key_pem = context.key_pem;
  http.max_idle = options.max_idle_connections;
  auto client = SERIN_TRY(net::HttpClient::create(std::move(http)));
  return std::shared_ptr<RestSession>(
      new RestSession(context, options, clock, std::move(url), std::move(client)));
}

Result<std::string> RestSession::authorization() {
  std::lock_guard lock(mutex_);
  if (token_file_.empty()) return authorization_;
  TimePoint now = clock_.now();
  if (!authorization_.empty() && read_at_ != TimePoint{} && now - read_at_ < options_.token_age)
    return authorization_;
  std::ifstream file(token_file_);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  std::string token(trim(text.str()));
  if (!token.empty()) {
    authorization_ = "Bearer " + token;
    read_at_ = now;
  } else if (authorization_.empty()) {
    return fail(Code::kUnauthorized, concat("there is no token in ", token_file_));
  }
  return authorization_;
}

Result<net::Request> RestSession::request_for(const Call& call) {
  net::Request request;
  request.method = call.method;
  request.path = url_.path + call.path;
  request.query = call.query;
  request.headers.add("Accept", std::string(call.accept));
  request.headers.add("User-Agent", options_.user_agent);
  std::string authorization = SERIN_TRY(this->authorization());
  if (!authorization.empty()) request.headers.add("Authorization", std::move(authorization));
  if (!call.body.empty()) request.headers.add("Content-Type", std::string(call.content_type));
  request.body = call.body;
  return request;
}

std::optional<std::chrono::seconds> RestSession::pause(int status, const net::Headers& headers,
                                                       int tries) const {
  if ((status != 429 && status != 503) || tries > options_.max_retries) return std::nullopt;
  auto wait = retry_after(headers);
  if (!wait || *wait > options_.max_retry_wait) return std::nullopt;
  return wait;
}

Result<net::Response> RestSession::send(const Call& call) {
  net::Request request = SERIN_TRY(request_for(call));
  for (int tries = 1;; ++tries) {
    net::Response response = SERIN_TRY(http_->send(request, options_.request_timeout));
    auto wait = pause(response.status, response.headers, tries);
    if (!wait) return response;
    clock_.sleep(*wait);
  }
}

Result<std::string> RestSession::fetch(const Call& call) {
  net::Response response = SERIN_TRY(send(call));
  if (response.status >= 400) return fail(error_from(response));
  return std::move(response.body);
}

Result<net::StreamingResponse> RestSession::stream(const Call& call) {
  net::Request request = SERIN_TRY(request_for(call));
  for (int tries = 1;; ++tries) {
    net::StreamingResponse response = SERIN_TRY(http_->stream(request, options_.request_timeout));
    auto wait = pause(response.head.status, response.head.headers, tries);
    if (!wait) return response;
    clock_.sleep(*wait);
  }
}

}  // namespace serin::client
