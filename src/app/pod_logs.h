#pragma once

/// Serves pods/log of every cluster from its node agent's files.

#include <atomic>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "apiserver/hooks.h"
#include "node/agent.h"

namespace serin::app {

class PodLogs final : public apiserver::LogSource {
 public:
  ~PodLogs() override;  ///< as stop()
  /// `agent` lives until `stop` has returned.
  void add(const std::string& cluster, node::NodeAgent& agent);
  /// Ends the readers, joins, and opens nothing more.
  void stop();
  Result<void> open(const std::string& cluster, const kube::NamespacedName& pod, const apiserver::LogOptions& options,
                    std::shared_ptr<apiserver::LogSink> sink) override;

 private:
  struct Reading {
    std::thread thread;
    std::atomic<bool> done = false;
  };
  void pump(node::LogReader& reader, apiserver::LogSink& sink);
  void join_finished_locked();

  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  std::map<std::string, node::NodeAgent*> agents_;      // guarded by mutex_
  std::list<std::unique_ptr<Reading>> readings_;        // guarded by mutex_
};

}  // namespace serin::app
