#include "mesh/xds/wire.h"

namespace serin::mesh {
namespace {

// envoy/service/discovery/v3/discovery.proto; all of these are length-delimited.
namespace field {
constexpr int kResources = 2, kTypeUrl = 4, kNonce = 5, kRemoved = 6;         // DeltaDiscoveryResponse
constexpr int kResourceVersion = 1, kResourceBody = 2, kResourceName = 3;     // Resource
constexpr int kAnyTypeUrl = 1, kAnyValue = 2;                                 // google.protobuf.Any
}  // namespace field

constexpr size_t kShareFrom = 4096;  // smaller ones are cheaper to copy than to count

size_t varint_size(size_t value) {
  size_t size = 1;
  for (; value >= 0x80; value >>= 7) ++size;
  return size;
}

void put_varint(std::string& out, size_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>((value & 0x7f) | 0x80);
  out += static_cast<char>(value);
}

/// Tag and length of a length-delimited field; every tag here is one byte.
void put_head(std::string& out, int number, size_t length) {
  out += static_cast<char>(number << 3 | 2);
  put_varint(out, length);
}

void put(std::string& out, int number, std::string_view text) {
  put_head(out, number, text.size());
  out += text;
}

size_t size_of(size_t length) { return 1 + varint_size(length) + length; }

grpc::Slice share(const EnvoyResourcePtr& resource) {
  auto* owner = new EnvoyResourcePtr(resource);
  return grpc::Slice(
      const_cast<char*>(resource->bytes.data()), resource->bytes.size(),
      [](void* held) { delete static_cast<EnvoyResourcePtr*>(held); }, owner);
}

}  // namespace

grpc::ByteBuffer encode(const DeltaResponse& response) {
  std::vector<grpc::Slice> slices;
  std::string out;
  std::string_view url = type_url(response.type);
  put(out, field::kTypeUrl, url);
  put(out, field::kNonce, response.nonce);
  for (const std::string& name : response.removed) put(out, field::kRemoved, name);
  for (const EnvoyResourcePtr& resource : response.resources) {
    size_t any = size_of(url.size()) + size_of(resource->bytes.size());
    put_head(out, field::kResources, size_of(resource->name.size()) + size_of(resource->version.size()) + size_of(any));
    put(out, field::kResourceName, resource->name);
    put(out, field::kResourceVersion, resource->version);
    put_head(out, field::kResourceBody, any);
    put(out, field::kAnyTypeUrl, url);
    put_head(out, field::kAnyValue, resource->bytes.size());
    if (resource->bytes.size() < kShareFrom) {
      out += resource->bytes;
    } else {
      slices.emplace_back(std::exchange(out, {}));
      slices.push_back(share(resource));
    }
  }
  if (!out.empty()) slices.emplace_back(out);
  return grpc::ByteBuffer(slices.data(), slices.size());
}

}  // namespace serin::mesh
