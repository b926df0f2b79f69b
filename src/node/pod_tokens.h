#pragma once

/// Tokens of pods' ServiceAccounts for projected volumes: bound to the pod, so that they end with it, and to be renewed
/// when 80 % of their life have passed. Asks through the Client (serviceaccounts/token). Safe from any thread.

#include <map>
#include <mutex>
#include <string>

#include "client/client.h"

namespace serin::node {

class PodTokens {
 public:
  /// Both outlive this.
  PodTokens(client::Client& client, Clock& clock) : client_(client), clock_(clock) {}

  /// A token as `source` (core/v1 ServiceAccountTokenProjection) asks for it.
  Result<std::string> request(const kube::Object& pod, const json::value& source);
  /// When the pod's tokens are due: the earliest of those asked for; at once where this process has asked for none.
  TimePoint due(const kube::Object& pod) const;
  void forget(const kube::NamespacedName& pod);

  /// Whether a volume of the pod has a token in it.
  static bool wanted(const kube::Object& pod);

 private:
  struct Due {
    std::string uid;
    TimePoint at;
  };
  client::Client& client_;
  Clock& clock_;
  mutable std::mutex mutex_;
  std::map<kube::NamespacedName, Due> due_;  // guarded by mutex_
};

}  // namespace serin::node
