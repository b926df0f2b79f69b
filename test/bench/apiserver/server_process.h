#pragma once

/// The server under test, in a process of its own: `serin up` without mesh, node, GitOps and controllers where a
/// program is named, else the API server module alone (`apiserver_bench --serve DIR`).

#include <sys/types.h>

#include <string>

#include "connection.h"

namespace serin::bench {

class ServerProcess {
 public:
  /// Serves `directory`; returns when it answers.
  ServerProcess(const std::string& program, const std::string& directory);
  ~ServerProcess();  ///< ends it
  ServerProcess(const ServerProcess&) = delete;

  const Endpoint& endpoint() const { return endpoint_; }
  /// From the start of the process to the first answer of /readyz.
  double ready_ms() const { return ready_ms_; }
  double resident_mb() const;
  double peak_mb() const;
  double cpu_seconds() const;
  pid_t pid() const { return pid_; }

 private:
  double status_mb(const char* field) const;
  pid_t pid_ = -1;
  Endpoint endpoint_;
  double ready_ms_ = 0;
};

/// The child: serves `directory` until it is ended.
int serve(const std::string& directory);

}  // namespace serin::bench
