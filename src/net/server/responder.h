#pragma once

/// The two handles through which a handler answers. Private to `net`.

#include <memory>

#include "net/http_server.h"

namespace serin::net {

class ServerConnection;

class ServerResponder final : public Responder {
 public:
  explicit ServerResponder(std::shared_ptr<ServerConnection> connection);
  ~ServerResponder() override;
  void send(Response response) override;
  std::shared_ptr<BodyStream> stream(Response response) override;

 private:
  std::shared_ptr<ServerConnection> connection_;  // null once answered
};

/// An error answer in the form of a Kubernetes Status. `reason` and `message` need no escaping in
/// JSON.
Response status_response(int status, std::string_view reason, std::string_view message);

}  // namespace serin::net
