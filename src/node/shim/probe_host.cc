#include <sys/wait.h>

#include <cstdio>
#include <functional>

#include "data/json.h"
#include "node/shim/bind_filter.h"
#include "node/shim/isolation.h"
#include "node/shim/shim.h"

namespace serin::node::shim {
namespace {

/// Runs `attempt` in a child, whose changes to itself end with it. "" or the reason of the failure.
std::string tried(const std::function<Result<void>()>& attempt) {
  auto pipe = make_pipe();
  if (!pipe) return pipe.error().message;
  pid_t child = ::fork();
  if (child < 0) return system_message("fork");
  if (child == 0) {
    auto done = attempt();
    if (!done) (void)!::write(pipe->write.get(), done.error().message.data(), done.error().message.size());
    ::_exit(done ? 0 : 1);
  }
  pipe->write.reset();
  char why[1024];
  ssize_t n = ::read(pipe->read.get(), why, sizeof why);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return "";
  return n > 0 ? std::string(why, static_cast<size_t>(n)) : "refused by the kernel";
}

}  // namespace

int probe(const std::string& directory) {
  std::string hosts = directory + "/hosts.probe";
  auto written = write_file_in_place(hosts, "127.0.0.1 localhost\n");
  if (!written) {
    std::fprintf(stderr, "%s\n", written.error().message.c_str());
    return 1;
  }
  std::string namespaces = tried([&] { return enter_namespaces(hosts, {}, directory); });
  ::unlink(hosts.c_str());
  std::string binds = tried([]() -> Result<void> {
    SERIN_TRY(install_bind_filter());
    return {};
  });
  std::puts(json::dump(json::object{{"namespaces", namespaces}, {"moveBinds", binds}}).c_str());
  return 0;
}

}  // namespace serin::node::shim
