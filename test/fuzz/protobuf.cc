/// A request body in protobuf: the envelope of Kubernetes and the message of a built-in kind. Properties: no crash, and
/// what has been read is written so that reading and writing it again changes no byte.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "kube/protobuf.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace kube = serin::kube;
  auto object = kube::object_from_protobuf(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!object) return 0;
  auto written = kube::protobuf_from_object(*object);
  if (!written) std::abort();
  auto again = kube::object_from_protobuf(*written);
  if (!again || kube::protobuf_from_object(*again).value() != *written) std::abort();
  return 0;
}
