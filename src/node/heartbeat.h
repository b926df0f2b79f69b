#pragma once

/// The Node object and its Lease: says that the agent lives and what its machine allows. Own thread.

#include <condition_variable>
#include <mutex>
#include <thread>

#include "client/client.h"
#include "client/events.h"
#include "node/runtime.h"

namespace serin::node {

struct NodeFacts {
  std::string name, address, pod_cidr;
  RuntimeLimits limits;
};

/// Node conditions that say what containers do without; True where nothing is missing.
inline constexpr std::string_view kBindMovesCondition = "serin.io/BindMoves";
inline constexpr std::string_view kMountNamespacesCondition = "serin.io/MountNamespaces";

/// The status of the Node as it should be, made from the one it has. Pure.
json::value node_status(const kube::Object& node, const NodeFacts& facts, TimePoint now);

class Heartbeat {
 public:
  Heartbeat(client::Client& client, client::EventRecorder& events, Clock& clock, NodeFacts facts, Duration interval);
  ~Heartbeat() { stop(); }

  void start();
  void stop();

 private:
  void run();
  Result<void> beat();
  Result<void> ensure_node();
  Result<void> renew_lease();

  client::Client& client_;
  client::EventRecorder& events_;
  Clock& clock_;
  const NodeFacts facts_;
  const Duration interval_;
  bool announced_ = false;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace serin::node
