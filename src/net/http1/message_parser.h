#pragma once

/// What reading an HTTP/1 request and a response have in common: Beast's parser, writing into values of ours, and the
/// loop that feeds it. Included by the two parsers' sources only (brings Beast).

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "net/http.h"
#include "net/http1/message_state.h"

namespace serin::net {

namespace beast_http = boost::beast::http;
using BeastError = boost::beast::error_code;
using BeastText = boost::beast::string_view;

inline std::string string_of(BeastText text) { return std::string(text.data(), text.size()); }

/// The fields and the body of one message. The start line is the business of what derives from it.
template <bool kRequest>
class MessageSink : public beast_http::basic_parser<kRequest> {
 public:
  Headers fields;
  std::string body;

 protected:
  virtual void start(beast_http::verb, BeastText method, BeastText target, int version) = 0;
  virtual void start(int status) = 0;
  virtual void see_field(beast_http::field, BeastText value) = 0;

 private:
  void on_request_impl(beast_http::verb verb, BeastText method, BeastText target, int version, BeastError&) override {
    start(verb, method, target, version);
  }
  void on_response_impl(int status, BeastText, int, BeastError&) override { start(status); }
  void on_field_impl(beast_http::field field, BeastText name, BeastText value, BeastError&) override {
    if (this->is_header_done()) return;  // a trailer must not pass for a header field
    see_field(field, value);
    fields.add(string_of(name), string_of(value));
  }
  void on_body_init_impl(boost::optional<std::uint64_t> const& length, BeastError&) override {
    constexpr std::uint64_t kTrust = 256 << 10;  // a claim alone takes no more memory than this
    if (length) body.reserve(std::min(*length, kTrust));
  }
  std::size_t on_body_impl(BeastText bytes, BeastError&) override {
    body.append(bytes.data(), bytes.size());
    return bytes.size();
  }
  std::size_t on_chunk_body_impl(std::uint64_t, BeastText bytes, BeastError& error) override {
    return on_body_impl(bytes, error);
  }
  void on_header_impl(BeastError&) override {}
  void on_chunk_header_impl(std::uint64_t, BeastText, BeastError&) override {}
  void on_finish_impl(BeastError&) override {}
};

/// Reads one message after another. `Sink` is a MessageSink with a default constructor. `Rules` says what is special:
///
///     void prepare(Sink&);              // limits, before each message
///     void see_head(std::string_view);  // each piece of the head as it came; one field is never cut
///     enum class Head { kAccept, kPause, kSkip, kRefuse };
///     Head check(Sink&);                // once the head is complete
///     void failed(const BeastError&);   // bytes that are no message
template <class Sink, class Rules>
class MessageParser {
 public:
  explicit MessageParser(Rules& rules) : rules_(rules) { restart(); }

  void restart() {
    sink_.emplace();
    rules_.prepare(*sink_);
    state_ = MessageState::kHead;
  }

  /// Returns how many bytes were used; a field is taken when it is complete, not before.
  size_t feed(std::string_view bytes) {
    size_t used = 0;
    while (used < bytes.size() && (state_ == MessageState::kHead || state_ == MessageState::kBody)) {
      BeastError error;
      size_t n = sink_->put(boost::asio::buffer(bytes.data() + used, bytes.size() - used), error);
      if (state_ == MessageState::kHead) rules_.see_head(bytes.substr(used, n));
      used += n;
      if (error == beast_http::error::need_more) break;
      if (error) {
        state_ = MessageState::kFailed;
        rules_.failed(error);
        break;
      }
      if (state_ == MessageState::kHead && sink_->is_header_done()) {
        auto head = rules_.check(*sink_);
        if (head == Rules::Head::kRefuse) {
          state_ = MessageState::kFailed;
          break;
        }
        if (head == Rules::Head::kSkip) {
          restart();
          continue;
        }
        state_ = MessageState::kBody;
        sink_->eager(true);
        if (head == Rules::Head::kPause && !sink_->is_done()) break;
      }
      if (sink_->is_done()) state_ = MessageState::kDone;
    }
    return used;
  }

  /// The peer has closed. False where the message does not end that way.
  bool end() {
    BeastError error;
    if (state_ == MessageState::kBody) sink_->put_eof(error);
    bool whole = state_ == MessageState::kBody && !error && sink_->is_done();
    state_ = whole ? MessageState::kDone : MessageState::kFailed;
    return whole;
  }

  MessageState state() const { return state_; }
  Sink& sink() { return *sink_; }
  const Sink& sink() const { return *sink_; }

 private:
  Rules& rules_;
  std::optional<Sink> sink_;
  MessageState state_ = MessageState::kHead;
};

}  // namespace serin::net
