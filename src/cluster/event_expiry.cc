#include "cluster/event_expiry.h"

#include "base/time.h"
#include "kube/resources.h"

namespace serin::cluster {
namespace {

/// When it last happened: the latest of the times that the two Event APIs use.
TimePoint last_seen(const kube::Object& event) {
  TimePoint latest = event.created().value_or(TimePoint{});
  for (std::string_view text :
       {json::get_string(event.doc(), "lastTimestamp"), json::get_string(event.doc(), "eventTime"),
        json::get_string(event.doc(), "series", "lastObservedTime")})
    if (std::optional<TimePoint> time = parse_time(text)) latest = std::max(latest, *time);
  return latest;
}

}  // namespace

EventExpiryReconciler::EventExpiryReconciler(client::CachedClient& client, client::Informer& events, Clock& clock,
                                             Duration ttl)
    : client_(client), events_(events), clock_(clock), ttl_(ttl) {}

Result<client::Again> EventExpiryReconciler::reconcile(const client::Key& key) {
  std::optional<kube::Object> event = events_.get(key.name);
  if (!event) return client::Again{};
  Duration left = last_seen(*event) + ttl_ - clock_.now();
  if (left > Duration::zero()) return client::Again{left};
  // Unconditional of the version: counting it up in the meantime makes a new one.
  client::DeleteOptions options;
  options.uid = event->uid();
  Result<void> removed = client_.live().remove(kube::kEvents, key.name, options);
  if (!removed && removed.error().code != Code::kNotFound) return fail(removed.error());
  return client::Again{};
}

}  // namespace serin::cluster
