#include "app/embedded_clusters.h"

#include "base/strings.h"

namespace serin::app {

Result<client::Client*> EmbeddedClusters::cluster(const std::string& name) {
  std::lock_guard lock(mutex_);
  auto& client = clients_[name];
  if (!client) client = server_.client(name, field_manager_);
  if (!client) {
    clients_.erase(name);
    return fail(Code::kNotFound, concat("there is no cluster \"", name, "\""));
  }
  return client.get();
}

}  // namespace serin::app
