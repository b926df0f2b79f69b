#include "net/server/exchange.h"

#include <utility>

namespace serin::net {

StreamState::Taken StreamState::take() {
  std::lock_guard lock(mutex);
  flush_posted = false;
  return {std::exchange(queue, {}), finished};
}

void StreamState::gone(size_t bytes) {
  if (bytes == 0 || pending.fetch_sub(bytes) != bytes) return;
  std::function<void()> drained;
  {
    std::lock_guard lock(mutex);
    drained = on_drained;
  }
  if (drained) drained();
}

void StreamState::end() {
  std::function<void()> drained, told;  // destroyed outside the lock
  {
    std::lock_guard lock(mutex);
    closed = true;
    queue.clear();
    pending = 0;
    std::swap(drained, on_drained);
    std::swap(told, on_closed);
    if (finished) told = nullptr;
  }
  if (told) told();
}

void Exchange::respond(Response response) {
  if (loop_->io().get_executor().running_in_this_thread()) return begin_response(std::move(response));
  loop_->post([self = shared(), response = std::move(response)]() mutable { self->begin_response(std::move(response)); });
}

std::shared_ptr<StreamState> Exchange::respond_with_stream(Response head) {
  auto stream = std::make_shared<StreamState>();
  if (!head.body.empty()) {
    stream->pending = head.body.size();
    stream->queue.push_back(std::make_shared<const std::string>(std::exchange(head.body, {})));
  }
  if (loop_->io().get_executor().running_in_this_thread()) {
    begin_stream(head, stream);
  } else if (!loop_->post([self = shared(), stream, head = std::move(head)] { self->begin_stream(head, stream); })) {
    std::lock_guard lock(stream->mutex);
    stream->closed = true;
  }
  return stream;
}

void Exchange::schedule_flush(const std::shared_ptr<StreamState>& stream) {
  loop_->post([self = shared(), stream] { self->flush_stream(stream); });
}

void Exchange::schedule_abort(const std::shared_ptr<StreamState>& stream) {
  loop_->post([self = shared(), stream] { self->abort_stream(stream); });
}

}  // namespace serin::net
