#pragma once

/// Owns the informers and controllers of a process (or of one cluster in it) and runs them: on threads, or step
/// by step under a VirtualClock (client/simulation.h). The reconcilers cannot tell which.
///
///   Manager manager(clock);
///   CachedClient& client = manager.client("", api);
///   Informer& rollouts = manager.informer("", api, kube::kRollouts);
///   Informer& sets = manager.informer("", api, kube::kReplicaSets);
///   Controller& controller = manager.add_controller({"rollout"}, std::make_unique<RolloutReconciler>(client));
///   manager.watch(controller, rollouts, own_key());
///   manager.watch(controller, sets, controller_owner(kube::kRollouts));
///   manager.start();
///
/// A key runs only when the informers of its own cluster that its controller watches have synced.

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "client/cached_client.h"
#include "client/controller.h"
#include "client/informer.h"
#include "client/simulation.h"
#include "client/work_queue.h"

namespace serin::client {

struct ControllerOptions {
  std::string name;  ///< for logs and metrics
  int workers = 2;   ///< threads
  Backoff backoff{};
};

/// For metrics. Counted since construction.
struct ControllerStats {
  uint64_t runs = 0, errors = 0, terminal_errors = 0;
  Duration busy{};  ///< time spent in the reconciler
};

/// A reconciler with its queue; made by `Manager::add_controller`.
class Controller {
 public:
  Controller(Clock& clock, ControllerOptions options, std::unique_ptr<Reconciler> reconciler);

  const ControllerOptions& options() const { return options_; }
  /// Asks for a pass over `key`. Any thread.
  void enqueue(const Key& key, Duration after = {});
  ControllerStats stats() const;
  QueueStats queue_stats() const { return queue_.stats(); }
  /// The error of the key's latest pass, where it failed.
  std::optional<Error> last_error(const Key& key) const;

 private:
  friend class Manager;
  bool may_run(const Key& key);
  void unpark();
  /// Runs the reconciler for a key that was taken.
  void run(const Key& key);

  Clock& clock_;
  const ControllerOptions options_;
  std::unique_ptr<Reconciler> reconciler_;
  WorkQueue queue_;
  mutable std::mutex mutex_;                                  // guards all below
  std::vector<std::pair<std::string, Informer*>> required_;   // with the informer's cluster
  std::set<Key> parked_;                                      // waiting for an informer to sync
  std::map<Key, Error> errors_;
  ControllerStats stats_;
};

/// From a change to the keys that it concerns. `old` is null for an addition, `now` for a removal.
using MapFunction = std::function<std::vector<Key>(const Object* old, const Object* now)>;

/// The object's own name.
MapFunction own_key(std::string cluster = "");
/// The name of the controlling owner (before and after the change) where it is of `owner`'s group and kind.
MapFunction controller_owner(const Resource& owner, std::string cluster = "");

class Manager final : public Actor {
 public:
  explicit Manager(Clock& clock) : clock_(clock) {}
  ~Manager() override;  ///< stops

  /// The informer of this resource of this cluster with these options; made at the first call. `client`
  /// outlives the manager. After `start` a new one starts at once. Where the options select nothing less than
  /// everything it also serves `client(cluster)`.
  Informer& informer(const std::string& cluster, Client& client, const Resource& resource,
                     const InformerOptions& options = {});
  /// The cluster's client over this manager's informers; made at the first call.
  CachedClient& client(const std::string& cluster, Client& client);
  /// Ends the watches of a cluster that has left. What was handed out stays readable until the manager goes;
  /// asking again makes anew.
  void stop_cluster(const std::string& cluster);

  Controller& add_controller(ControllerOptions options, std::unique_ptr<Reconciler> reconciler);
  /// Runs the controller for the keys that `map` gives for each change.
  void watch(Controller& controller, Informer& informer, MapFunction map);
  /// Makes the controller's keys of the informer's cluster wait until it has synced, without following it.
  void require(Controller& controller, Informer& informer);

  Clock& clock() { return clock_; }

  /// One thread per informer, `workers` threads per controller.
  void start();
  /// Ends the watches, lets running passes end and joins. Once; a stopped manager stays stopped.
  void stop();

  // ---- simulation; never together with `start` ----
  bool step(Random& random) override;
  std::optional<TimePoint> next_due() const override;
  /// Runs all that is due now, in the order that `seed` gives, without moving the clock. The number of steps.
  size_t run_until_idle(uint64_t seed);

  /// For metrics.
  std::vector<const Controller*> controllers() const;
  std::vector<std::pair<std::string, const Informer*>> informers() const;

 private:
  struct OwnedInformer {
    std::string cluster;
    std::unique_ptr<Informer> informer;
    std::thread thread;
    bool stopped = false;
  };
  std::string cluster_of_locked(const Informer& informer) const;
  void start_informer_locked(OwnedInformer& owned);
  void start_controller_locked(Controller& controller);

  Clock& clock_;
  mutable std::mutex mutex_;                            // guards all below
  std::vector<std::unique_ptr<OwnedInformer>> informers_;
  std::map<std::string, std::unique_ptr<CachedClient>> clients_;
  std::vector<std::unique_ptr<CachedClient>> former_clients_;
  std::vector<std::unique_ptr<Controller>> controllers_;
  std::vector<std::thread> workers_;
  bool started_ = false, stopped_ = false;
};

}  // namespace serin::client
