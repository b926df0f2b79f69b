#include "net/http1/response_parser.h"

#include "net/http1/message_parser.h"

namespace serin::net {
namespace {

constexpr std::uint32_t kMaxHeaderBytes = 1 << 20;

class ResponseSink final : public MessageSink<false> {
 public:
  Response head;

 private:
  void start(beast_http::verb, BeastText, BeastText, int) override {}
  void start(int status) override { head.status = status; }
  void see_field(beast_http::field, BeastText) override {}
};

}  // namespace

class ResponseParser::Impl {
 public:
  enum class Head { kAccept, kPause, kSkip, kRefuse };

  Impl(bool bodiless, size_t max_body) : bodiless_(bodiless), max_body_(max_body), messages_(*this) {}

  void prepare(ResponseSink& sink) {
    sink.header_limit(kMaxHeaderBytes);
    sink.body_limit(max_body_);
    sink.skip(bodiless_);
  }

  void see_head(std::string_view) {}

  Head check(ResponseSink& sink) {
    bool interim = sink.head.status / 100 == 1 && sink.head.status != 101;
    if (interim) return Head::kSkip;
    sink.head.headers = std::exchange(sink.fields, {});
    return Head::kAccept;
  }

  void failed(const BeastError& error) {
    too_large_ = error == beast_http::error::body_limit;
    error_ = too_large_ ? "the answer is too large" : "the answer is not HTTP/1.1: " + error.message();
  }

  bool bodiless_;
  size_t max_body_;
  std::string error_;
  bool too_large_ = false;
  MessageParser<ResponseSink, Impl> messages_;
};

ResponseParser::ResponseParser(bool bodiless, size_t max_body_bytes)
    : impl_(std::make_unique<Impl>(bodiless, max_body_bytes)) {}
ResponseParser::~ResponseParser() = default;

size_t ResponseParser::feed(std::string_view bytes) { return impl_->messages_.feed(bytes); }
void ResponseParser::end_of_stream() {
  MessageState now = state();
  if (now == MessageState::kDone || now == MessageState::kFailed) return;
  if (!impl_->messages_.end()) impl_->error_ = "the connection ended in the middle of the answer";
}
MessageState ResponseParser::state() const { return impl_->messages_.state(); }
const std::string& ResponseParser::error() const { return impl_->error_; }
bool ResponseParser::too_large() const { return impl_->too_large_; }
Response& ResponseParser::head() { return impl_->messages_.sink().head; }
std::string ResponseParser::take_body() { return std::exchange(impl_->messages_.sink().body, {}); }
bool ResponseParser::keep_alive() const { return impl_->messages_.sink().keep_alive(); }

}  // namespace serin::net
