#pragma once

/// Writes into a hosted object's status what the proxies say of it: condition `Reconciled` and `observedGeneration`.
///
/// True, "12/12 proxies": every connected proxy that carries the object at this generation runs it.
/// False, reason Rejected: a proxy refused it; the message is Envoy's text. The last good configuration serves.
/// False, reason Pending: somebody has not answered for a second; the message says who.
/// While answers come in faster than that nothing is written, so that a weight change costs one status write. Nothing
/// is confirmed before the table has settled: a control plane that has just started does not know its proxies yet.

#include <map>
#include <mutex>

#include "client/client.h"
#include "client/controller.h"
#include "mesh/xds/ack_table.h"

namespace serin::mesh {

/// How long acknowledgements may take before the status says so.
inline constexpr Duration kPatience = std::chrono::seconds(1);
/// How old the count of proxies on a confirmed object may get.
inline constexpr Duration kCountRefresh = std::chrono::seconds(2);

/// The conditions that `status` should have; pure. nullopt: nothing to say yet.
struct AckVerdict {
  std::string status, reason, message;
};
std::optional<AckVerdict> judge(const Acknowledgement& acknowledgement, TimePoint now);

class AckStatusReconciler final : public client::Reconciler {
 public:
  AckStatusReconciler(client::Client& hosted, client::Resource resource, const AckTable& acks, Clock& clock)
      : hosted_(hosted), resource_(std::move(resource)), acks_(acks), clock_(clock) {}
  Result<client::Again> reconcile(const client::Key& key) override;

 private:
  /// How long the count of a confirmed object may still stay as it is.
  Duration wait_for_count(const client::Key& key, TimePoint now);
  void forget(const client::Key& key);

  client::Client& hosted_;
  client::Resource resource_;
  const AckTable& acks_;
  Clock& clock_;
  std::mutex mutex_;
  std::map<client::Key, TimePoint> stale_since_;  // guarded by mutex_; confirmed objects with an old count
};

}  // namespace serin::mesh
