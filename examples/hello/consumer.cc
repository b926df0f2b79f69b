// The HTTP half of the example: asks the provider and answers with both identities.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <thread>

#include "consumer_server.h"

namespace serin::hello {
namespace {

constexpr std::uint16_t kDefaultPort = 8080;
constexpr const char* kDefaultProvider = "127.0.0.1:20880";

int run(const Flags& flags) {
  const char* url = std::getenv("PROVIDER_URL");
  ProviderClient provider(url == nullptr ? kDefaultProvider : url);
  try {
    ConsumerServer server(flags, read_identity(), provider);
    std::printf("listening on %u\n", static_cast<unsigned>(server.port()));
    std::fflush(stdout);
    std::thread serving([&server] { server.run(); });
    wait_for_stop();
    server.stop();
    serving.join();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "cannot listen on %s:%u: %s\n", flags.address.c_str(),
                 static_cast<unsigned>(flags.port), error.what());
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace serin::hello

int main(int argc, char** argv) {
  serin::hello::block_stop_signals();
  return serin::hello::run(serin::hello::parse_flags(argc, argv, serin::hello::kDefaultPort));
}
