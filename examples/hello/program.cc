#include "program.h"

#include <getopt.h>

#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <initializer_list>
#include <optional>

namespace serin::hello {
namespace {

std::string environment(std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return value;
  }
  return {};
}

std::string label(std::initializer_list<std::string> keys) {
  std::string path = environment({"PODINFO_LABELS"});
  std::ifstream file(path.empty() ? "/etc/podinfo/labels" : path);
  std::string line;
  while (std::getline(file, line)) {
    for (const std::string& key : keys) {
      std::string start = key + "=\"";
      if (line.starts_with(start) && line.ends_with('"') && line.size() > start.size()) {
        return line.substr(start.size(), line.size() - start.size() - 1);
      }
    }
  }
  return {};
}

std::string first_of(std::string value, std::initializer_list<std::string> labels) {
  return value.empty() ? label(labels) : value;
}

std::optional<int> number(const char* text, int max) {
  int value = 0;
  const char* end = text + std::strlen(text);
  auto [rest, error] = std::from_chars(text, end, value);
  if (error != std::errc() || rest != end || value < 0 || value > max) return std::nullopt;
  return value;
}

[[noreturn]] void usage(const char* program, std::uint16_t port, int status) {
  std::fprintf(status == 0 ? stdout : stderr,
               "usage: %s [--address 0.0.0.0] [--port %u] [--drain 10]\n"
               "  --address  IPv4 address to listen on\n"
               "  --port     port to listen on; 0 takes a free one\n"
               "  --drain    seconds that open connections may take to end after SIGTERM\n",
               program, static_cast<unsigned>(port));
  std::exit(status);
}

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

}  // namespace

Identity read_identity() {
  Identity identity;
  identity.pod = environment({"POD_NAME", "HOSTNAME"});
  identity.hash = first_of(environment({"POD_TEMPLATE_HASH"}),
                           {"rollouts-pod-template-hash", "pod-template-hash"});
  identity.version = first_of(environment({"POD_VERSION", "VERSION"}), {"version"});
  return identity;
}

Flags parse_flags(int argc, char** argv, std::uint16_t default_port) {
  constexpr int kMaxPort = 65535;
  constexpr int kMaxDrainSeconds = 3600;
  static const option kOptions[] = {{"address", required_argument, nullptr, 'a'},
                                    {"port", required_argument, nullptr, 'p'},
                                    {"drain", required_argument, nullptr, 'd'},
                                    {"help", no_argument, nullptr, 'h'},
                                    {nullptr, 0, nullptr, 0}};
  Flags flags;
  flags.port = default_port;
  int chosen = 0;
  while ((chosen = getopt_long(argc, argv, "", kOptions, nullptr)) != -1) {
    std::optional<int> value;
    if (chosen == 'a') {
      flags.address = optarg;
    } else if (chosen == 'p' && (value = number(optarg, kMaxPort))) {
      flags.port = static_cast<std::uint16_t>(*value);
    } else if (chosen == 'd' && (value = number(optarg, kMaxDrainSeconds))) {
      flags.drain = std::chrono::seconds(*value);
    } else {
      usage(argv[0], default_port, chosen == 'h' ? 0 : 2);
    }
  }
  if (optind != argc) usage(argv[0], default_port, 2);
  return flags;
}

void block_stop_signals() {
  sigset_t set = stop_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

void wait_for_stop() {
  sigset_t set = stop_signals();
  int signal = 0;
  sigwait(&set, &signal);
}

}  // namespace serin::hello
