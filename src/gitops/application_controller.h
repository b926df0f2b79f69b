#pragma once

/// Puts the Application controller into a Manager: passes are brought about by the Applications of the hub and by
/// changes of what they have applied in the work clusters.

#include <vector>

#include "client/manager.h"
#include "gitops/application_reconciler.h"

namespace serin::gitops {

/// Everything borrowed outlives the manager. `clusters` gives the clusters' own clients, not cached ones: a sync
/// that acted on an old picture of a canary could only fail.
client::Controller& add_application_controller(client::Manager& manager, client::Client& hub,
                                               client::ClusterSet& clusters, source::Repositories& repositories,
                                               ReconcilerOptions options = {}, int workers = 4);

/// Lets changes of these resources of a cluster bring about passes of the applications that have applied them. Call
/// it once per work cluster.
void follow_cluster(client::Manager& manager, client::Controller& controller, const std::string& cluster,
                    client::Client& api, const std::vector<kube::Resource>& resources, const std::string& home = "argocd");

/// The resources that examples and most applications are made of.
const std::vector<kube::Resource>& followed_resources();

}  // namespace serin::gitops
