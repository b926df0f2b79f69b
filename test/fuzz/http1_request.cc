/// Bytes as an HTTP/1 server receives them. The first byte says in which sizes they arrive. Properties: no crash, no
/// byte used twice, bounds kept, and requests that no cut of the bytes changes.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "net/http1/request_parser.h"

namespace {

constexpr size_t kMaxHeader = 2048, kMaxBody = 1000;

std::vector<std::string> parse(std::string_view text, size_t piece) {
  using serin::net::RequestParser;
  RequestParser parser(kMaxHeader, kMaxBody);
  std::vector<std::string> requests;
  std::string input;
  while (!text.empty()) {
    size_t size = std::min(piece, text.size());
    input += text.substr(0, size);
    text.remove_prefix(size);
    for (;;) {
      size_t used = parser.feed(input);
      if (used > input.size()) std::abort();
      input.erase(0, used);
      if (parser.state() == RequestParser::State::kFailed) return requests;
      if (parser.state() == RequestParser::State::kDone) {
        serin::net::Request& request = parser.request();
        if (request.body.size() > kMaxBody) std::abort();
        std::string all = request.method + " " + request.path + "?" + request.query + " " + request.body;
        for (const auto& [name, value] : request.headers.all()) {
          if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) std::abort();
          all += "|" + name + "=" + value;
        }
        request.parameters();
        requests.push_back(std::move(all));
        parser.reset();
      } else if (used == 0) {
        break;
      }
    }
  }
  return requests;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  if (parse(text, 1 + data[0] % 32) != parse(text, text.size() + 1)) std::abort();
  return 0;
}
