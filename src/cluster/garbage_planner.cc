#include "cluster/garbage_planner.h"

#include <algorithm>

#include "base/strings.h"

namespace serin::cluster {
namespace {

using client::Write;
using kube::Object;
using kube::Resource;

client::DeleteOptions with_uid(const Object& object, std::string propagation) {
  client::DeleteOptions options;
  options.uid = object.uid();
  options.propagation = std::move(propagation);
  return options;
}

/// Lists are replaced whole by a merge patch, so it holds only for the version that was read.
Write set_metadata(const Resource& resource, const Object& object, std::string_view member, json::array list,
                   std::string why) {
  json::object metadata{{"resourceVersion", object.version().str()}};
  metadata[member] = std::move(list);
  return client::merge_patch(resource, object.key(), json::object{{"metadata", std::move(metadata)}}, std::move(why));
}

Write without_finalizer(const Resource& resource, const Object& object, std::string_view finalizer) {
  json::array kept;
  for (const json::value& present : json::items(object.doc(), "metadata", "finalizers"))
    if (json::as_string(&present) != finalizer) kept.push_back(present);
  return set_metadata(resource, object, "finalizers", std::move(kept), concat("let ", object.describe(), " go"));
}

template <class Drop>
Write without_owners(const Resource& resource, const Object& object, Drop&& drop) {
  json::array kept;
  for (const json::value& reference : json::items(object.doc(), "metadata", "ownerReferences"))
    if (!drop(json::get_string(reference, "uid"))) kept.push_back(reference);
  return set_metadata(resource, object, "ownerReferences", std::move(kept),
                      concat("take owners out of ", object.describe()));
}

bool blocks(const Object& dependent, std::string_view owner) {
  for (const kube::OwnerReference& reference : dependent.owners())
    if (reference.uid == owner && reference.block_owner_deletion) return true;
  return false;
}

GarbageDecision finish_foreground(const GarbageObserved& observed) {
  GarbageDecision decision;
  for (const Dependent& dependent : observed.dependents) {
    if (blocks(dependent.object, observed.object.uid())) decision.wait = true;
  }
  // Dependents decide for themselves (they may have other owners); they hear of this deletion as it happens.
  if (!decision.wait)
    decision.writes.push_back(without_finalizer(observed.resource, observed.object, kForegroundFinalizer));
  return decision;
}

GarbageDecision finish_orphaning(const GarbageObserved& observed) {
  GarbageDecision decision;
  std::string_view uid = observed.object.uid();
  for (const Dependent& dependent : observed.dependents)
    decision.writes.push_back(without_owners(dependent.resource, dependent.object,
                                             [&](std::string_view owner) { return owner == uid; }));
  decision.writes.push_back(without_finalizer(observed.resource, observed.object, kOrphanFinalizer));
  return decision;
}

}  // namespace

GarbageDecision plan(const GarbageObserved& observed) {
  const Object& object = observed.object;
  if (object.deleting()) {
    if (object.has_finalizer(kOrphanFinalizer)) return finish_orphaning(observed);
    if (object.has_finalizer(kForegroundFinalizer)) return finish_foreground(observed);
    return {};
  }
  GarbageDecision decision;
  if (observed.owners.empty()) return decision;
  using State = OwnerState::State;
  auto count = [&](auto test) { return std::count_if(observed.owners.begin(), observed.owners.end(), test); };
  auto waiting = count([](const OwnerState& o) { return o.state == State::kWaiting; });
  auto leaving = waiting + count([](const OwnerState& o) { return o.state == State::kGone; });
  bool staying = leaving < static_cast<int64_t>(observed.owners.size());
  if (leaving == 0) return decision;
  if (staying) {
    decision.writes.push_back(without_owners(observed.resource, object, [&](std::string_view uid) {
      return std::any_of(observed.owners.begin(), observed.owners.end(), [&](const OwnerState& owner) {
        return owner.reference.uid == uid && (owner.state == State::kGone || owner.state == State::kWaiting);
      });
    }));
    return decision;
  }
  // An owner that waits for this one also waits for what depends on it.
  std::string propagation = waiting > 0 && !observed.dependents.empty() ? "Foreground" : "Background";
  // What is asked for on the object itself goes before that.
  if (object.has_finalizer(kForegroundFinalizer)) propagation = "Foreground";
  if (object.has_finalizer(kOrphanFinalizer)) propagation = "Orphan";
  decision.writes.push_back(client::remove(observed.resource, object.key(), "its owners are gone",
                                           with_uid(object, propagation)));
  return decision;
}

}  // namespace serin::cluster
