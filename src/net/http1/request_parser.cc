#include "net/http1/request_parser.h"

#include "net/http1/message_parser.h"

namespace serin::net {
namespace {

/// RFC 9112 §5.2: a line that begins with a space goes on with the one before. Whoever reads it otherwise sees other
/// fields, so a server refuses it.
bool has_folded_line(std::string_view head) {
  return head.find("\r\n ") != std::string_view::npos || head.find("\r\n\t") != std::string_view::npos;
}

class RequestSink final : public MessageSink<true> {
 public:
  Request request;
  int version = 11;
  bool expects_continue = false;
  bool odd_transfer_encoding = false;
  bool bad_target = false;
  int hosts = 0;

 private:
  void start(beast_http::verb, BeastText method, BeastText target, int http) override {
    version = http;
    request.method = string_of(method);
    std::string_view whole(target.data(), target.size());
    if (!whole.starts_with('/') && whole != "*") {  // absolute form, as proxies send it
      size_t scheme = whole.find("://");
      bad_target = scheme == std::string_view::npos;
      size_t path = bad_target ? scheme : whole.find('/', scheme + 3);
      whole = path == std::string_view::npos ? std::string_view("/") : whole.substr(path);
    }
    request.set_target(whole);
  }
  void start(int) override {}

  void see_field(beast_http::field field, BeastText value) override {
    if (field == beast_http::field::host) ++hosts;
    if (field == beast_http::field::expect) expects_continue = boost::beast::iequals(value, "100-continue");
    if (field == beast_http::field::transfer_encoding)
      odd_transfer_encoding |= !boost::beast::iequals(value, "chunked");
  }
};

}  // namespace

class RequestParser::Impl {
 public:
  enum class Head { kAccept, kPause, kSkip, kRefuse };

  Impl(size_t max_header, size_t max_body) : max_header_(max_header), max_body_(max_body), messages_(*this) {}

  void prepare(RequestSink& sink) {
    sink.header_limit(static_cast<std::uint32_t>(max_header_));
    sink.body_limit(max_body_);
    folded_ = false;
  }
  void see_head(std::string_view piece) { folded_ |= has_folded_line(piece); }

  void failed(const BeastError& error) {
    if (error == beast_http::error::header_limit)
      failure_ = {431, "BadRequest", "the request's header fields are too large"};
    else if (error == beast_http::error::body_limit)
      failure_ = {413, "RequestEntityTooLarge", "the request's body is too large"};
    else if (error == beast_http::error::bad_version)
      failure_ = {505, "BadRequest", "only HTTP/1.0 and HTTP/1.1 are spoken here"};
    else
      failure_ = {400, "BadRequest", "the request is not well-formed HTTP/1.1"};
  }

  Head check(RequestSink& sink) {
    auto refused = [this](int status, std::string_view message) {
      failure_ = {status, "BadRequest", message};
      return Head::kRefuse;
    };
    if (folded_) return refused(400, "a header field goes over several lines");
    if (sink.bad_target) return refused(400, "the request's target must be a path");
    // RFC 9112 §6.1: a coding that is not understood must not be guessed around.
    if (sink.odd_transfer_encoding) return refused(501, "the only transfer coding understood is chunked");
    if (sink.hosts == 0 && sink.version >= 11) return refused(400, "the Host header field is missing");
    if (sink.hosts > 1) return refused(400, "there is more than one Host header field");
    return Head::kPause;
  }

  Request& request() {
    RequestSink& sink = messages_.sink();
    if (!sink.fields.all().empty()) sink.request.headers = std::exchange(sink.fields, {});
    if (!sink.body.empty()) sink.request.body = std::exchange(sink.body, {});
    return sink.request;
  }

  size_t max_header_, max_body_;
  bool folded_ = false;
  Failure failure_;
  MessageParser<RequestSink, Impl> messages_;
};

RequestParser::RequestParser(size_t max_header_bytes, size_t max_body_bytes)
    : impl_(std::make_unique<Impl>(max_header_bytes, max_body_bytes)) {}
RequestParser::~RequestParser() = default;

size_t RequestParser::feed(std::string_view bytes) { return impl_->messages_.feed(bytes); }
void RequestParser::reset() { impl_->messages_.restart(); }
MessageState RequestParser::state() const { return impl_->messages_.state(); }
const RequestParser::Failure& RequestParser::failure() const { return impl_->failure_; }
Request& RequestParser::request() { return impl_->request(); }
size_t RequestParser::body_size() const { return impl_->messages_.sink().body.size(); }
bool RequestParser::keep_alive() const { return impl_->messages_.sink().keep_alive(); }
bool RequestParser::expects_continue() const { return impl_->messages_.sink().expects_continue; }
bool RequestParser::http_1_0() const { return impl_->messages_.sink().version < 11; }

}  // namespace serin::net
