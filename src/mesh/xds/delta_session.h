#pragma once

/// One proxy's side of one incremental ADS stream, as data: what it subscribed to, what it was sent, what it has
/// acknowledged. Events in, messages to send out; the gRPC code around it only moves bytes. Not thread safe.
///
/// Rules (Envoy's xDS protocol document; order: "make before break"):
///  - per type at most one response is on the way; what changes meanwhile is sent as one when it is answered;
///  - a route table or listener is held back until every cluster it adds, and that cluster's endpoints, have been
///    acknowledged; a cluster is removed only when no acknowledged route table or listener names it any more. What a
///    reconnecting proxy brought along may name anything, so until its listeners and route tables are ours no cluster
///    is taken from it;
///  - route tables and endpoints are never taken away: Envoy ignores that, and lets go of them with their listener or
///    cluster;
///  - a changed cluster is followed by its endpoints, even unchanged ones: Envoy warms it only with an answer;
///  - rejected content is not sent again until it changes. A rejected response with several resources is sent again
///    one by one, so that the rejection sticks to the resource that caused it; until then the proxy may run any of it;
///  - a wildcard subscription gets a first answer even where there is nothing: Envoy starts to serve only then;
///  - a name that does not exist is answered as removed, once, so that the proxy stops waiting.
///
/// Work per event grows with what changed, not with what there is.

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mesh/translate/resource.h"

namespace serin::mesh {

struct DeltaRequest {
  ResourceType type;
  std::vector<std::string> subscribe, unsubscribe;
  std::map<std::string, std::string> initial_versions;  ///< what a reconnecting proxy still has
  std::string nonce;                                    ///< empty: not an answer
  std::optional<std::string> error;                     ///< with a nonce: the response was rejected
};

struct DeltaResponse {
  ResourceType type;
  std::string nonce;
  std::vector<EnvoyResourcePtr> resources;
  std::vector<std::string> removed;
};

/// How far one proxy is with the resources that carry one object at one generation.
struct Progress {
  bool subscribed = false;  ///< some resource that carries it is wanted
  bool acked = false;       ///< all of them that are wanted run with it
  std::string rejection;    ///< Envoy's text; empty: none
  bool operator==(const Progress&) const = default;
};

class DeltaSession {
 public:
  std::vector<DeltaResponse> on_request(const DeltaRequest& request);
  /// `changes` since the last snapshot of this session; computed where null.
  std::vector<DeltaResponse> on_snapshot(ResourceSetPtr snapshot, const ResourceChanges* changes = nullptr);

  Progress progress_of(const SourceRef& source) const;
  /// The objects whose progress may have changed since the last call, with where they stand; an object that nothing
  /// carries any more is not `subscribed`.
  std::map<SourceRef, Progress> take_progress();
  /// Addresses that an acknowledged change of endpoints, or the end of a cluster, let go of since the last call.
  std::set<std::string> take_released();
  /// The proxy sends requests to the address, or may as soon as it has read what is on the way to it.
  bool in_use(const std::string& address) const;

  /// Everything subscribed is acknowledged or rejected, and nothing is on the way.
  bool settled() const;
  /// What the proxy runs, as acknowledged.
  const std::map<std::string, EnvoyResourcePtr>& in_force(ResourceType type) const { return at(type).in_force; }

 private:
  struct InFlight {
    std::string nonce;
    std::map<std::string, EnvoyResourcePtr> resources;  // null: a removal
  };
  struct Rejection {
    std::string version, text;
  };
  struct TypeState {
    bool started = false;
    bool wildcard = false;
    bool answered = false;                             // a first answer was sent, or the proxy brought its own
    std::set<std::string> names;                       // explicit subscriptions
    std::map<std::string, std::string> inherited;      // versions from before this stream, not yet ours
    std::map<std::string, EnvoyResourcePtr> in_force;  // last acknowledged
    std::map<std::string, Rejection> rejected;
    std::set<std::string> pending;                     // may have to be sent
    std::set<std::string> resend;                      // sent again even if unchanged
    /// Of responses that were rejected in part: what the proxy may have taken, null for what it may have lost. Sent again,
    /// one by one, whatever stands now.
    std::map<std::string, EnvoyResourcePtr> doubtful;
    std::set<std::string> told_missing;
    std::optional<InFlight> in_flight;
  };
  enum class Due { kNow, kLater, kNever };

  TypeState& at(ResourceType type) { return types_[static_cast<size_t>(type)]; }
  const TypeState& at(ResourceType type) const { return types_[static_cast<size_t>(type)]; }
  EnvoyResourcePtr current(ResourceType type, const std::string& name) const;
  void start(const DeltaRequest& request);
  void subscribe(const DeltaRequest& request);
  void unsubscribe(const DeltaRequest& request);
  void answer(ResourceType type, const DeltaRequest& request);
  std::vector<DeltaResponse> flush();
  std::optional<DeltaResponse> next(ResourceType type);
  Due due(ResourceType type, const std::string& name);
  void settle_doubt(ResourceType type, const std::string& name);
  void put_in_force(ResourceType type, const std::string& name, EnvoyResourcePtr resource);
  void touch(const EnvoyResource* before, const EnvoyResource* after);
  bool clusters_ready(ResourceType type, const EnvoyResource& resource) const;
  bool cluster_removable(const std::string& name) const;
  bool wanted(const TypeState& state, const std::string& name) const;

  ResourceSetPtr snapshot_;
  std::array<TypeState, 4> types_;
  std::set<SourceRef> touched_;
  std::set<std::string> released_;
  bool reconnected_ = false;   // it had clusters before this stream
  bool became_ours_ = false;  // something inherited did, since a flush last looked
  uint64_t next_nonce_ = 1;
};

}  // namespace serin::mesh
