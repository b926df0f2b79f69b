#include "net/response_parser.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <optional>

namespace serin::net {
namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;
using Text = boost::beast::string_view;

constexpr std::uint32_t kMaxHeaderBytes = 1 << 20;

std::string string_of(Text text) { return std::string(text.data(), text.size()); }

/// Beast's parser, writing straight into our Response.
class Sink final : public http::basic_parser<false> {
 public:
  Response head;
  std::string body;

 private:
  void on_response_impl(int status, Text, int, error_code&) override { head.status = status; }
  void on_field_impl(http::field, Text name, Text value, error_code&) override {
    head.headers.add(string_of(name), string_of(value));
  }
  void on_body_init_impl(boost::optional<std::uint64_t> const& length, error_code&) override {
    constexpr std::uint64_t kTrust = 16 << 20;
    if (length) body.reserve(std::min(*length, kTrust));
  }
  std::size_t on_body_impl(Text bytes, error_code&) override {
    body.append(bytes.data(), bytes.size());
    return bytes.size();
  }
  std::size_t on_chunk_body_impl(std::uint64_t, Text bytes, error_code& ec) override {
    return on_body_impl(bytes, ec);
  }
  void on_header_impl(error_code&) override {}
  void on_chunk_header_impl(std::uint64_t, Text, error_code&) override {}
  void on_finish_impl(error_code&) override {}
  void on_request_impl(http::verb, Text, Text, int, error_code&) override {}
};

}  // namespace

class ResponseParser::Impl {
 public:
  Impl(bool bodiless, size_t max_body) : bodiless_(bodiless), max_body_(max_body) { restart(); }

  void restart() {
    sink_.emplace();
    sink_->header_limit(kMaxHeaderBytes);
    sink_->body_limit(max_body_);
    sink_->skip(bodiless_);
  }

  size_t feed(std::string_view bytes) {
    size_t used = 0;
    while (used < bytes.size() && (state_ == State::kHead || state_ == State::kBody)) {
      error_code ec;
      size_t n = sink_->put(boost::asio::buffer(bytes.data() + used, bytes.size() - used), ec);
      used += n;
      if (ec == http::error::need_more) break;
      if (ec) {
        fail(ec);
        break;
      }
      if (state_ == State::kHead && sink_->is_header_done()) {
        if (sink_->head.status / 100 == 1 && sink_->head.status != 101) {
          restart();
          continue;
        }
        state_ = State::kBody;
        sink_->eager(true);
      }
      if (sink_->is_done()) state_ = State::kDone;
    }
    return used;
  }

  void end_of_stream() {
    if (state_ == State::kDone || state_ == State::kFailed) return;
    error_code ec;
    if (state_ == State::kBody) sink_->put_eof(ec);
    if (state_ == State::kBody && !ec && sink_->is_done()) {
      state_ = State::kDone;
    } else {
      state_ = State::kFailed;
      error_ = "the connection ended in the middle of the answer";
    }
  }

  std::optional<Sink> sink_;
  State state_ = State::kHead;
  std::string error_;
  bool too_large_ = false;

 private:
  void fail(const error_code& ec) {
    state_ = State::kFailed;
    too_large_ = ec == http::error::body_limit;
    error_ = too_large_ ? "the answer is too large" : "the answer is not HTTP/1.1: " + ec.message();
  }

  bool bodiless_;
  size_t max_body_;
};

ResponseParser::ResponseParser(bool bodiless, size_t max_body_bytes)
    : impl_(std::make_unique<Impl>(bodiless, max_body_bytes)) {}
ResponseParser::~ResponseParser() = default;

size_t ResponseParser::feed(std::string_view bytes) { return impl_->feed(bytes); }
void ResponseParser::end_of_stream() { impl_->end_of_stream(); }
ResponseParser::State ResponseParser::state() const { return impl_->state_; }
const std::string& ResponseParser::error() const { return impl_->error_; }
bool ResponseParser::too_large() const { return impl_->too_large_; }
Response& ResponseParser::head() { return impl_->sink_->head; }
std::string ResponseParser::take_body() { return std::exchange(impl_->sink_->body, {}); }
bool ResponseParser::keep_alive() const { return impl_->sink_->keep_alive(); }

}  // namespace serin::net
