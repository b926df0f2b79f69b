#include "net/server/server_state.h"

namespace serin::net {

TlsContext ServerState::tls() const {
  std::lock_guard lock(mutex_);
  return tls_;
}

void ServerState::set_tls(TlsContext context) {
  std::lock_guard lock(mutex_);
  tls_.swap(context);
}

bool ServerState::connection_opened() {
  if (connections_.fetch_add(1) < options.max_connections) return true;
  connections_.fetch_sub(1);
  return false;
}

void ServerState::connection_closed() {
  if (connections_.fetch_sub(1) != 1 || !waiting_) return;
  std::lock_guard lock(mutex_);
  last_closed_.notify_all();
}

void ServerState::wait_for_last_connection(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  waiting_ = true;
  last_closed_.wait_for(lock, patience, [this] { return connections_ == 0; });
}

}  // namespace serin::net
