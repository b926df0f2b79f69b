#pragma once

/// What the tests of this room share: a directory of their own, plain sockets, and waiting for a condition.

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>

#include "base/strings.h"
#include "node/shim/fd.h"

namespace serin::node::testing {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = std::filesystem::temp_directory_path() / "serin-node-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Waits until `holds`, half a minute at the most; returns whether it does.
inline bool eventually(const std::function<bool()>& holds) {
  auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

/// A connected TCP socket, or an invalid one.
inline Fd dial(const std::string& address, int port) {
  Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<uint16_t>(port));
  ::inet_pton(AF_INET, address.c_str(), &to.sin_addr);
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) return Fd();
  return fd;
}

/// The whole answer to an HTTP/1.0 GET, "" where nobody answers.
inline std::string http_get(const std::string& address, int port, const std::string& path) {
  Fd fd = dial(address, port);
  if (!fd) return "";
  std::string request = concat("GET ", path, " HTTP/1.0\r\n\r\n");
  if (::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) return "";
  std::string answer;
  char buffer[4096];
  for (;;) {
    ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
    if (n <= 0) return answer;
    answer.append(buffer, static_cast<size_t>(n));
  }
}

}  // namespace serin::node::testing
