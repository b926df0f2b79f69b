#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "apiserver/server.h"
#include "client/cluster_set.h"

namespace serin::app {

/// In-process clients of the embedded clusters, all writing under one field manager.
class EmbeddedClusters final : public client::ClusterSet {
 public:
  /// `server` outlives this.
  EmbeddedClusters(apiserver::Server& server, std::string field_manager)
      : server_(server), field_manager_(std::move(field_manager)) {}

  Result<client::Client*> cluster(const std::string& name) override;

 private:
  apiserver::Server& server_;
  const std::string field_manager_;
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<client::Client>> clients_;  // guarded by mutex_
};

}  // namespace serin::app
