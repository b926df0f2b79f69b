#include "provider_client.h"

#include <grpcpp/grpcpp.h>

#include <chrono>

#include "hello.grpc.pb.h"

namespace serin::hello {
namespace {

constexpr std::chrono::seconds kCallDeadline{5};
constexpr int kFirstReconnectMs = 100;
constexpr int kLongestReconnectMs = 1000;

struct Call {
  grpc::ClientContext context;
  HelloRequest request;
  HelloReply reply;
};

grpc::ChannelArguments channel_arguments() {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kFirstReconnectMs);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kLongestReconnectMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kLongestReconnectMs);
  arguments.SetInt(GRPC_ARG_DNS_MIN_TIME_BETWEEN_RESOLUTIONS_MS, kLongestReconnectMs);
  return arguments;
}

std::string authority(const std::string& url) {
  auto scheme = url.find("://");
  std::string rest = scheme == std::string::npos ? url : url.substr(scheme + 3);
  return rest.substr(0, rest.find('/'));
}

}  // namespace

struct ProviderClient::Impl {
  std::unique_ptr<serin::hello::Greeter::Stub> stub;
};

ProviderClient::ProviderClient(const std::string& url) : impl_(std::make_unique<Impl>()) {
  impl_->stub = Greeter::NewStub(grpc::CreateCustomChannel(
      "dns:///" + authority(url), grpc::InsecureChannelCredentials(), channel_arguments()));
}

ProviderClient::~ProviderClient() = default;

void ProviderClient::say_hello(const std::string& name, const std::string& lane, Answer answer) {
  auto call = std::make_shared<Call>();
  call->request.set_name(name);
  call->context.set_deadline(std::chrono::system_clock::now() + kCallDeadline);
  if (!lane.empty()) call->context.AddMetadata("lane", lane);
  impl_->stub->async()->SayHello(
      &call->context, &call->request, &call->reply,
      [call, answer = std::move(answer)](const grpc::Status& status) {
        if (!status.ok()) {
          answer(CallFailure{status.error_code(), status.error_message()});
          return;
        }
        const Instance& provider = call->reply.provider();
        answer(Greeting{call->reply.message(),
                        {provider.pod(), provider.hash(), provider.version()},
                        call->reply.lane()});
      });
}

}  // namespace serin::hello
