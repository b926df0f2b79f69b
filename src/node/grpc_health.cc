// grpc.health.v1.Health/Check by grpc++'s generic stub: the two messages are one field each, so no generated
// code is needed. HealthCheckRequest{string service = 1}, HealthCheckResponse{ServingStatus status = 1}.

#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>

#include "base/strings.h"
#include "node/check_runner.h"

namespace serin::node {
namespace {

constexpr char kStringField1 = 0x0a, kVarintField1 = 0x08;
constexpr int kServing = 1;

std::string encode_request(const std::string& service) {
  std::string out;
  if (service.empty()) return out;
  out += kStringField1;
  for (size_t length = service.size();;) {
    char low = static_cast<char>(length & 0x7f);
    length >>= 7;
    out += length != 0 ? static_cast<char>(low | 0x80) : low;
    if (length == 0) break;
  }
  return out + service;
}

/// The status, 0 (UNKNOWN) where it is absent.
int decode_status(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  if (!buffer.Dump(&slices).ok()) return 0;
  std::string bytes;
  for (const grpc::Slice& slice : slices) bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return bytes.size() >= 2 && bytes[0] == kVarintField1 ? bytes[1] : 0;
}

}  // namespace

Outcome check_grpc(const Check& check, Duration timeout) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection of its own each time
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  auto channel = grpc::CreateCustomChannel(concat("ipv4:", check.host, ":", check.port),
                                           grpc::InsecureChannelCredentials(), arguments);
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::duration_cast<std::chrono::microseconds>(timeout));
  grpc::Slice slice(encode_request(check.service));
  grpc::ByteBuffer request(&slice, 1), response;
  grpc::CompletionQueue queue;
  auto call = stub.PrepareUnaryCall(&context, "/grpc.health.v1.Health/Check", request, &queue);
  call->StartCall();
  grpc::Status status;
  call->Finish(&response, &status, &queue);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  queue.Shutdown();
  if (!status.ok()) return {false, concat(check.describe(), ": ", status.error_message())};
  if (decode_status(response) != kServing) return {false, concat(check.describe(), ": not SERVING")};
  return {true, ""};
}

}  // namespace serin::node
