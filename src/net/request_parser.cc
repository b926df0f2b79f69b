#include "net/request_parser.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <optional>

#include "base/strings.h"

namespace serin::net {
namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;
using Text = boost::beast::string_view;

std::string string_of(Text text) { return std::string(text.data(), text.size()); }

/// Beast's parser, writing straight into our Request.
class Sink final : public http::basic_parser<true> {
 public:
  Request request;
  int version = 11;
  bool expects_continue = false;
  bool has_host = false;
  bool odd_transfer_encoding = false;
  bool bad_target = false;

 private:
  void on_request_impl(http::verb, Text method, Text target, int http, error_code&) override {
    version = http;
    request.method = string_of(method);
    std::string_view whole(target.data(), target.size());
    if (!whole.starts_with('/') && whole != "*") {  // absolute form, as proxies send it
      size_t scheme = whole.find("://");
      bad_target = scheme == std::string_view::npos;
      size_t path = bad_target ? scheme : whole.find('/', scheme + 3);
      whole = path == std::string_view::npos ? std::string_view("/") : whole.substr(path);
    }
    size_t mark = whole.find('?');
    request.path = std::string(whole.substr(0, mark));
    if (mark != std::string_view::npos) request.query = std::string(whole.substr(mark + 1));
  }

  void on_field_impl(http::field field, Text name, Text value, error_code&) override {
    if (field == http::field::host) has_host = true;
    if (field == http::field::expect)
      expects_continue = boost::beast::iequals(value, "100-continue");
    if (field == http::field::transfer_encoding)
      odd_transfer_encoding |= !boost::beast::iequals(value, "chunked");
    request.headers.add(string_of(name), string_of(value));
  }

  void on_body_init_impl(boost::optional<std::uint64_t> const& length, error_code&) override {
    constexpr std::uint64_t kTrust = 256 << 10;  // a claim alone takes no more memory than this
    if (length) request.body.reserve(std::min(*length, kTrust));
  }
  std::size_t on_body_impl(Text bytes, error_code&) override {
    request.body.append(bytes.data(), bytes.size());
    return bytes.size();
  }
  std::size_t on_chunk_body_impl(std::uint64_t, Text bytes, error_code& ec) override {
    return on_body_impl(bytes, ec);
  }

  void on_header_impl(error_code&) override {}
  void on_chunk_header_impl(std::uint64_t, Text, error_code&) override {}
  void on_finish_impl(error_code&) override {}
  void on_response_impl(int, Text, int, error_code&) override {}
};

}  // namespace

class RequestParser::Impl {
 public:
  Impl(size_t max_header, size_t max_body) : max_header_(max_header), max_body_(max_body) {
    reset();
  }

  void reset() {
    sink_.emplace();
    sink_->header_limit(static_cast<std::uint32_t>(max_header_));
    sink_->body_limit(max_body_);
    state_ = State::kHead;
  }

  size_t feed(std::string_view bytes) {
    size_t used = 0;
    while (used < bytes.size() && (state_ == State::kHead || state_ == State::kBody)) {
      error_code ec;
      size_t n = sink_->put(boost::asio::buffer(bytes.data() + used, bytes.size() - used), ec);
      used += n;
      if (ec == http::error::need_more) break;
      if (ec) {
        refuse(ec);
        break;
      }
      if (state_ == State::kHead && sink_->is_header_done()) {
        check_head();
        if (state_ == State::kFailed) break;
        state_ = State::kBody;
        sink_->eager(true);
        if (!sink_->is_done()) break;
      }
      if (sink_->is_done()) state_ = State::kDone;
    }
    return used;
  }

  std::optional<Sink> sink_;
  State state_ = State::kHead;
  Failure failure_;

 private:
  void refuse(const error_code& ec) {
    state_ = State::kFailed;
    if (ec == http::error::header_limit)
      failure_ = {431, "BadRequest", "the request's header fields are too large"};
    else if (ec == http::error::body_limit)
      failure_ = {413, "RequestEntityTooLarge", "the request's body is too large"};
    else if (ec == http::error::bad_version)
      failure_ = {505, "BadRequest", "only HTTP/1.0 and HTTP/1.1 are spoken here"};
    else
      failure_ = {400, "BadRequest", "the request is not well-formed HTTP/1.1"};
  }

  void check_head() {
    auto refused = [this](int status, std::string_view message) {
      state_ = State::kFailed;
      failure_ = {status, "BadRequest", message};
    };
    if (sink_->bad_target) return refused(400, "the request's target must be a path");
    // RFC 9112 §6.1: a coding that is not understood must not be guessed around.
    if (sink_->odd_transfer_encoding)
      return refused(501, "the only transfer coding understood is chunked");
    if (!sink_->has_host && sink_->version >= 11)
      return refused(400, "the Host header field is missing");
  }

  size_t max_header_, max_body_;
};

RequestParser::RequestParser(size_t max_header_bytes, size_t max_body_bytes)
    : impl_(std::make_unique<Impl>(max_header_bytes, max_body_bytes)) {}
RequestParser::~RequestParser() = default;

size_t RequestParser::feed(std::string_view bytes) { return impl_->feed(bytes); }
void RequestParser::reset() { impl_->reset(); }
RequestParser::State RequestParser::state() const { return impl_->state_; }
const RequestParser::Failure& RequestParser::failure() const { return impl_->failure_; }
Request& RequestParser::request() { return impl_->sink_->request; }
bool RequestParser::keep_alive() const { return impl_->sink_->keep_alive(); }
bool RequestParser::expects_continue() const { return impl_->sink_->expects_continue; }
bool RequestParser::http_1_0() const { return impl_->sink_->version < 11; }

}  // namespace serin::net
