#pragma once

/// Applications as the command line and the demo use them: objects of the hub's namespace `argocd`.

#include <functional>
#include <string>

#include "base/clock.h"
#include "client/client.h"

namespace serin::app {

inline constexpr const char* kApplicationNamespace = "argocd";

struct ApplicationSpec {
  std::string name, repo, path, revision = "HEAD", cluster, ns = "default";
  bool automatic = false, prune = false, create_namespace = true;
};
kube::Object make_application(const ApplicationSpec& spec);

/// Asks for a sync, as `argocd app sync` does: by the top-level `operation`. kConflict while another one runs.
Result<void> request_sync(client::Client& hub, const std::string& name, bool prune, bool dry_run);

/// Waits until the operation that was asked for has ended; `progress` hears each new message. The Application as it is
/// then; kTimeout with the last message. A failed operation is not an error here.
Result<kube::Object> wait_operation(client::Client& hub, const std::string& name, Duration timeout, Clock& clock,
                                    const std::function<void(const std::string&)>& progress = {});

/// Deletes it, with what it made where `cascade`, and waits until it is gone.
Result<void> delete_application(client::Client& hub, const std::string& name, bool cascade, Duration timeout,
                                Clock& clock);

}  // namespace serin::app
