#pragma once

/// Carries out `plan` for the Rollouts of one cluster: observe, plan, write, record events, patch the status where it
/// differs. Holds no state between passes. See client/controller.h for the contract.

#include <functional>
#include <vector>

#include "client/client.h"
#include "client/controller.h"
#include "client/events.h"
#include "rollout/plan.h"

namespace serin::rollout {

struct ObserveOptions {
  bool pods = false;  ///< the Rollout's pods too, for `why` and `release_view`
  TrafficResources resources;
  /// The ReplicaSets that a Rollout controls, from an index; unset: they are listed by the Rollout's selector.
  std::function<std::vector<Object>(const Object& rollout)> replica_sets;
};

/// Reads what `plan` and `why` need. kNotFound where there is no such Rollout.
Result<Observed> observe(client::Client&, const NamespacedName&, const ObserveOptions& = {});
/// The same from a Rollout that has been read already.
Result<Observed> observe(client::Client&, Object rollout, const ObserveOptions& = {});

class RolloutReconciler final : public client::Reconciler {
 public:
  /// All of them outlive this.
  RolloutReconciler(client::Client& client, const Clock& clock, client::EventRecorder& events,
                    ObserveOptions options = {});

  Result<client::Again> reconcile(const client::Key& key) override;

 private:
  /// A Rollout is gone or going: what it wrote into Services and DestinationRules goes too.
  Result<client::Again> release_traffic(const NamespacedName& rollout);
  /// The name of a new ReplicaSet is taken: another hash next time.
  Result<client::Again> count_collision(const Rollout&);

  client::Client& client_;
  const Clock& clock_;
  client::EventRecorder& events_;
  const ObserveOptions options_;
};

}  // namespace serin::rollout
