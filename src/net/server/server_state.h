#pragma once

/// What all connections of a server share. Private to `net`.

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>

#include "net/http_server.h"
#include "net/server/compressor.h"
#include "net/tls/tls.h"

namespace serin::net {

class ServerState {
 public:
  ServerOptions options;
  Handler handler;
  Compressor compressor;

  /// Null: plain HTTP. Any thread, like all of the following.
  TlsContext tls() const;
  void set_tls(TlsContext context);

  /// False where there are as many connections as there may be.
  bool connection_opened();
  void connection_closed();
  /// Waits until the last connection has closed, at most `patience`.
  void wait_for_last_connection(std::chrono::milliseconds patience);

 private:
  mutable std::mutex mutex_;
  TlsContext tls_;  // guarded by mutex_
  std::atomic<size_t> connections_{0};
  std::atomic<bool> waiting_{false};
  std::condition_variable last_closed_;
};

}  // namespace serin::net
