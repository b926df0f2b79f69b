/// Bytes as an HTTP/1 client receives them. The first byte says in which sizes they arrive and whether the request was
/// HEAD.

#include <cstdint>
#include <cstdlib>
#include <string>

#include "net/http1/response_parser.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using serin::net::ResponseParser;
  constexpr size_t kMaxBody = 1000;
  if (size == 0) return 0;
  std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  size_t piece = 1 + data[0] % 32;
  ResponseParser parser(data[0] >= 192, kMaxBody);
  std::string input, body;
  while (!text.empty() && parser.state() != ResponseParser::State::kDone) {
    size_t n = std::min(piece, text.size());
    input += text.substr(0, n);
    text.remove_prefix(n);
    size_t used = parser.feed(input);
    if (used > input.size()) std::abort();
    input.erase(0, used);
    if (parser.state() == ResponseParser::State::kFailed) return 0;
    if (parser.state() != ResponseParser::State::kHead) body += parser.take_body();
  }
  parser.end_of_stream();
  if (body.size() > kMaxBody) std::abort();
  if (parser.state() == ResponseParser::State::kDone) parser.keep_alive();
  return 0;
}
