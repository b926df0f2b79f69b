#include "net/server/responder.h"

#include "base/strings.h"
#include "net/server/connection.h"

namespace serin::net {
namespace {

class ServerBodyStream final : public BodyStream {
 public:
  ServerBodyStream(std::shared_ptr<ServerConnection> connection, std::shared_ptr<StreamState> state)
      : connection_(std::move(connection)), state_(std::move(state)) {}

  /// A producer that goes away without `finish` must not leave a body that looks complete.
  ~ServerBodyStream() override {
    bool complete;
    {
      std::lock_guard lock(state_->mutex);
      complete = state_->finished || state_->closed;
    }
    if (!complete) abort();
  }

  bool write(SharedBytes bytes) override {
    bool post;
    {
      std::lock_guard lock(state_->mutex);
      if (state_->closed || state_->finished) return false;
      if (!bytes || bytes->empty()) return true;  // an empty chunk would end the body
      state_->pending += bytes->size();
      state_->queue.push_back(std::move(bytes));
      post = !std::exchange(state_->flush_posted, true);
    }
    if (post) connection_->schedule_flush(state_);
    return true;
  }

  size_t pending() const override { return state_->pending; }

  void on_drained(std::function<void()> callback) override {
    std::lock_guard lock(state_->mutex);
    if (!state_->closed) state_->on_drained = std::move(callback);
  }

  void on_closed(std::function<void()> callback) override {
    {
      std::lock_guard lock(state_->mutex);
      if (!state_->closed) {
        state_->on_closed = std::move(callback);
        return;
      }
      if (state_->finished) return;
    }
    if (!connection_->post(callback)) callback();
  }

  void finish() override {
    bool post;
    {
      std::lock_guard lock(state_->mutex);
      if (state_->closed || state_->finished) return;
      state_->finished = true;
      post = !std::exchange(state_->flush_posted, true);
    }
    if (post) connection_->schedule_flush(state_);
  }

  void abort() override { connection_->schedule_abort(state_); }

 private:
  const std::shared_ptr<ServerConnection> connection_;
  const std::shared_ptr<StreamState> state_;
};

}  // namespace

ServerResponder::ServerResponder(std::shared_ptr<ServerConnection> connection)
    : connection_(std::move(connection)) {}

ServerResponder::~ServerResponder() {
  if (connection_)
    send(status_response(500, "InternalError", "the request was dropped without an answer"));
}

void ServerResponder::send(Response response) {
  if (auto connection = std::exchange(connection_, nullptr))
    connection->respond(std::move(response));
}

std::shared_ptr<BodyStream> ServerResponder::stream(Response response) {
  auto connection = std::exchange(connection_, nullptr);
  auto state = connection->respond_with_stream(std::move(response));
  return std::make_shared<ServerBodyStream>(std::move(connection), std::move(state));
}

Response status_response(int status, std::string_view reason, std::string_view message) {
  Response response;
  response.status = status;
  response.headers.add("Content-Type", "application/json");
  response.body =
      concat(R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":")",
             message, R"(","reason":")", reason, R"(","code":)", status, "}\n");
  return response;
}

}  // namespace serin::net
