#pragma once

/// Carries out what the Job planner decides.

#include "client/events.h"
#include "client/manager.h"

namespace serin::cluster {

class JobReconciler final : public client::Reconciler {
 public:
  /// `pods` needs the indexes kControllerIndex (cluster/claims.h) and kTrackedIndex. All outlive this.
  JobReconciler(client::CachedClient& client, client::Informer& jobs, client::Informer& pods, Clock& clock);
  Result<client::Again> reconcile(const client::Key& key) override;

 private:
  /// Pods that carry the finalizer for a Job that is not there any more.
  Result<client::Again> let_go(const client::Key& key, std::string_view except_owner);

  client::CachedClient& client_;
  client::Informer& jobs_;
  client::Informer& pods_;
  Clock& clock_;
  client::EventRecorder events_;
};

/// Pods with the finalizer by "namespace/job": the controlling Job's name, or the one in the pod's labels.
inline constexpr char kTrackedIndex[] = "job-tracked";
std::vector<std::string> tracked_index(const kube::Object& pod);
/// The Job of a pod with the finalizer, there or not.
client::MapFunction job_of_tracked(std::string cluster);

}  // namespace serin::cluster
