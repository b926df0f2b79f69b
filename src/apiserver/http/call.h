#pragma once

/// One request on its way through the handler.

#include <memory>
#include <string>

#include "apiserver/hooks.h"
#include "apiserver/http/handler.h"
#include "apiserver/http/representation.h"
#include "apiserver/http/request_info.h"
#include "apiserver/http/status.h"

namespace serin::apiserver {

struct ApiHandler::Call {
  net::Request request;
  RequestInfo info;
  std::unique_ptr<net::Responder> responder;
  UserPtr user;  ///< set once authenticated
  audit::RecordPtr record;
  ClusterPtr cluster;
  ServedPtr resource;
  Representation as;

  void send(net::Response response) {
    if (prefers_protobuf(request.headers.get("Accept"))) reencode_as_protobuf(response);
    std::exchange(responder, nullptr)->send(std::move(response));
  }
  void fail(const Error& error) {
    send(error_response(error, info, resource ? std::string_view(resource->resource().kind) : std::string_view()));
  }
  Target target() const { return {cluster, resource, {info.ns, info.name}, info.subresource, user}; }
  /// Who writes, where the request does not say: the program's name from User-Agent.
  std::string manager() const {
    std::string_view agent = request.headers.get("User-Agent");
    agent = agent.substr(0, agent.find_first_of("/ "));
    std::string name;
    for (char c : agent.substr(0, 128))
      if (c > ' ' && c <= '~') name += c;
    return name.empty() ? "unknown" : name;
  }
};

}  // namespace serin::apiserver
