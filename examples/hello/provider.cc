// The gRPC half of the example: answers with its own identity, and with gRPC's health service.
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>

#include <cstdio>

#include "hello.grpc.pb.h"
#include "program.h"

namespace serin::hello {
namespace {

constexpr std::uint16_t kDefaultPort = 20880;

class Greeter final : public serin::hello::Greeter::CallbackService {
 public:
  explicit Greeter(Identity identity) : identity_(std::move(identity)) {}

  grpc::ServerUnaryReactor* SayHello(grpc::CallbackServerContext* context,
                                     const HelloRequest* request, HelloReply* reply) override {
    reply->set_message("hello " + request->name() + " from " + identity_.pod);
    Instance* provider = reply->mutable_provider();
    provider->set_pod(identity_.pod);
    provider->set_hash(identity_.hash);
    provider->set_version(identity_.version);
    auto lane = context->client_metadata().find("lane");
    if (lane != context->client_metadata().end()) {
      reply->set_lane(lane->second.data(), lane->second.size());
    }
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

 private:
  const Identity identity_;
};

int run(const Flags& flags) {
  grpc::EnableDefaultHealthCheckService(true);
  Greeter greeter(read_identity());
  int port = 0;
  grpc::ServerBuilder builder;
  // Without this a second provider on the same port would silently share it.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddListeningPort(flags.address + ":" + std::to_string(flags.port),
                           grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&greeter);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || port == 0) {
    std::fprintf(stderr, "cannot listen on %s:%u\n", flags.address.c_str(), flags.port);
    return 1;
  }
  server->GetHealthCheckService()->SetServingStatus(true);
  std::printf("listening on %d\n", port);
  std::fflush(stdout);

  wait_for_stop();
  server->GetHealthCheckService()->SetServingStatus(false);
  server->Shutdown(std::chrono::system_clock::now() + flags.drain);
  server->Wait();
  return 0;
}

}  // namespace
}  // namespace serin::hello

int main(int argc, char** argv) {
  serin::hello::block_stop_signals();
  return serin::hello::run(serin::hello::parse_flags(argc, argv, serin::hello::kDefaultPort));
}
