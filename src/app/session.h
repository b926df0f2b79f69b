#pragma once

/// A command's way to the API servers: by --kubeconfig, by the state directory of a running `serin up`, by KUBECONFIG,
/// or by the default state directory, in this order.

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "app/commands/commands.h"
#include "client/cluster_set.h"
#include "client/kubeconfig.h"

namespace serin::app {

class Session final : public client::ClusterSet {
 public:
  /// kNotFound where no kubeconfig is found, saying how to start.
  static Result<std::unique_ptr<Session>> open(const GlobalFlags& flags, Clock& clock);

  /// By context name.
  Result<client::Client*> cluster(const std::string& name) override;
  /// Contexts that are work clusters: all but hub and mesh.
  std::vector<std::string> work_clusters() const;
  Clock& clock() { return clock_; }

 private:
  Session(client::Kubeconfig config, Clock& clock) : config_(std::move(config)), clock_(clock) {}

  client::Kubeconfig config_;
  Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<client::Client>> clients_;  // guarded by mutex_
};

/// Prints the error as a command does, with its causes; the exit status to return.
int report(const Error& error);

}  // namespace serin::app
