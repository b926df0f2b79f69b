#include "mesh/xds/ack_status_reconciler.h"

#include <algorithm>

#include "base/strings.h"
#include "client/write.h"
#include "mesh/config/destination_rule.h"
#include "mesh/config/gateway.h"
#include "mesh/config/virtual_service.h"

namespace serin::mesh {
namespace {

/// What of the object is not translated, in its own words.
std::vector<std::string> problems_of(const kube::Object& object) {
  if (object.kind() == "VirtualService") return VirtualService::read(object).problems;
  if (object.kind() == "DestinationRule") return DestinationRule::read(object).problems;
  if (object.kind() == "Gateway") return Gateway::read(object).problems;
  return {};
}

}  // namespace

std::optional<AckVerdict> judge(const Acknowledgement& ack, TimePoint now) {
  std::string count = concat(ack.acked, "/", ack.subscribed, " proxies");
  if (!ack.rejections.empty()) return AckVerdict{"False", "Rejected", ack.rejections.front()};
  if (ack.acked == ack.subscribed && now < ack.settled) return std::nullopt;
  if (ack.acked == ack.subscribed) return AckVerdict{"True", "Acknowledged", count};
  if (now - ack.since < kPatience) return std::nullopt;
  return AckVerdict{"False", "Pending", concat(count, "; waiting for ", ack.lagging.front())};
}

Duration AckStatusReconciler::wait_for_count(const client::Key& key, TimePoint now) {
  std::lock_guard lock(mutex_);
  return stale_since_.emplace(key, now).first->second + kCountRefresh - now;
}

void AckStatusReconciler::forget(const client::Key& key) {
  std::lock_guard lock(mutex_);
  stale_since_.erase(key);
}

Result<client::Again> AckStatusReconciler::reconcile(const client::Key& key) {
  Result<kube::Object> found = hosted_.get(resource_, key.name);
  if (failed_with(found, Code::kNotFound)) {
    forget(key);
    return client::Again{};
  }
  if (!found) return fail(std::move(found).error());
  const kube::Object& object = *found;
  std::optional<Acknowledgement> ack = acks_.of(SourceRef::of(object));
  if (!ack) return client::Again{};
  TimePoint now = clock_.now();
  std::optional<AckVerdict> verdict = judge(*ack, now);
  if (!verdict) return client::Again{std::max(ack->since + kPatience, ack->settled) - now};

  const json::value* old = json::find(object.doc(), "status");
  json::value status = old ? *old : json::value(json::object());
  json::set(status, {"observedGeneration"}, object.generation());
  kube::set_condition(status, "Reconciled", verdict->status, verdict->reason, verdict->message, now);
  std::vector<std::string> problems = problems_of(object);
  if (!problems.empty())
    kube::set_condition(status, "Translated", "False", "PartlyTranslated", join(problems, "; "), now);
  else if (kube::find_condition(object, "Translated"))
    kube::set_condition(status, "Translated", "True", "Complete", "", now);
  if (old && status == *old) {
    forget(key);
    return client::Again{};
  }
  // A proxy that comes or goes changes the count on every object: that may wait, the confirmation may not.
  const json::value* said = kube::find_condition(object, "Reconciled");
  if (said && verdict->status == "True" && json::get_string(*said, "status") == "True" &&
      json::get_int(*old, -1, "observedGeneration") == object.generation())
    if (Duration left = wait_for_count(key, now); left > Duration::zero()) return client::Again{left};
  forget(key);
  SERIN_TRY(client::execute(hosted_, client::patch_status(resource_, key.name, status, verdict->message)));
  return client::Again{};
}

}  // namespace serin::mesh
