// The transcoder of src/kube/protobuf.h for a test program in another language. Requests on stdin and answers on stdout
// are frames: 4 bytes of length, big-endian, and that many bytes. A request is one letter and its data: `k` lists the
// kinds, one "apiVersion,kind" a line; `d` turns an envelope into JSON; `e` turns JSON into an envelope. An answer is '+'
// and the result, or '-' and the error's text.

#include <cstdio>
#include <string>

#include "base/strings.h"
#include "kube/protobuf.h"
#include "kube/protobuf_types.h"

namespace {

using namespace serin;

bool read_frame(std::string& frame) {
  unsigned char head[4];
  if (std::fread(head, 1, 4, stdin) != 4) return false;
  frame.resize(size_t{head[0]} << 24 | size_t{head[1]} << 16 | size_t{head[2]} << 8 | head[3]);
  return std::fread(frame.data(), 1, frame.size(), stdin) == frame.size();
}

void write_frame(const std::string& bytes) {
  auto size = static_cast<uint32_t>(bytes.size());
  for (int shift = 24; shift >= 0; shift -= 8) std::putchar(static_cast<int>(size >> shift & 0xff));
  std::fwrite(bytes.data(), 1, bytes.size(), stdout);
  std::fflush(stdout);
}

Result<std::string> answer(char what, std::string_view data) {
  if (what == 'd') return json::dump(SERIN_TRY(kube::object_from_protobuf(data)));
  if (what == 'e') return kube::protobuf_from_object(SERIN_TRY(json::parse(data)));
  std::string kinds;
  for (const auto& [api_version, kind] : kube::message_kinds()) kinds += concat(api_version, ',', kind, '\n');
  return kinds;
}

}  // namespace

int main() {
  std::string frame;
  while (read_frame(frame) && !frame.empty()) {
    auto result = answer(frame[0], std::string_view(frame).substr(1));
    write_frame(result ? concat('+', *result) : concat('-', result.error().message));
  }
}
