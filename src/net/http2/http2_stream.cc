#include "net/http2/http2_stream.h"

#include "net/http2/http2_session.h"
#include "net/server/output_queue.h"

namespace serin::net {
namespace {

bool has_no_body(int status) { return status == 204 || status == 304; }

}  // namespace

void Http2Stream::dispatched(bool head_only) {
  head_only_ = head_only;
  counted_ = true;
  ++*unanswered_;
  deadline = SteadyTime::max();
  incoming = nullptr;
}

void Http2Stream::answered() {
  if (std::exchange(counted_, false)) --*unanswered_;
}

void Http2Stream::refuse(Response response) {
  incoming = nullptr;
  begin_response(std::move(response));
}

std::shared_ptr<StreamState> Http2Stream::detach() {
  session_ = nullptr;
  pieces_ = {};
  first_ = offset_ = queued_ = 0;
  return std::exchange(stream_, nullptr);
}

void Http2Stream::queue(SharedBytes bytes) {
  if (!bytes || bytes->empty()) return;
  queued_ += bytes->size();
  pieces_.push_back(std::move(bytes));
}

void Http2Stream::begin_response(Response response) {
  answered();
  if (!session_) return;
  size_t size = response.body.size() + (response.shared_body ? response.shared_body->size() : 0);
  bool bodiless = has_no_body(response.status);
  if (!bodiless) response.headers.set("content-length", std::to_string(size));
  bool body = size > 0 && !bodiless && !head_only_;
  if (body) {
    queue(std::make_shared<const std::string>(std::move(response.body)));
    queue(std::move(response.shared_body));
  }
  ended_ = true;
  session_->submit(*this, response, body);
}

void Http2Stream::begin_stream(const Response& head, const std::shared_ptr<StreamState>& stream) {
  answered();
  if (!session_) return stream->end();
  stream_ = stream;
  bool body = !head_only_ && !has_no_body(head.status);
  if (body) take_stream_queue();
  session_->submit(*this, head, body);
}

void Http2Stream::flush_stream(const std::shared_ptr<StreamState>& stream) {
  if (!session_ || stream_ != stream) return;
  take_stream_queue();
  session_->resume(*this);
}

void Http2Stream::abort_stream(const std::shared_ptr<StreamState>& stream) {
  if (session_ && stream_ == stream) session_->reset(*this);
}

void Http2Stream::take_stream_queue() {
  StreamState::Taken taken = stream_->take();
  for (SharedBytes& bytes : taken.pieces) queue(std::move(bytes));
  ended_ |= taken.finished;
}

void Http2Stream::move_to(OutputQueue& output, size_t size) {
  queued_ -= size;
  while (size > 0) {
    const SharedBytes& piece = pieces_[first_];
    size_t part = std::min(size, piece->size() - offset_);
    output.add_part(piece, offset_, part);
    offset_ += part;
    size -= part;
    if (offset_ < piece->size()) continue;
    offset_ = 0;
    pieces_[first_++] = nullptr;
  }
  if (first_ == pieces_.size()) {
    first_ = 0;
    pieces_ = {};
  }
}

}  // namespace serin::net
