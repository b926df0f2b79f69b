#include "cluster/garbage_collector.h"

#include <algorithm>

#include "base/strings.h"
#include "kube/resources.h"

namespace serin::cluster {
namespace {

using client::Again;
using client::Key;
using kube::Object;

constexpr char kOwnerIndex[] = "owner";
/// How long until an owner of a kind that nobody serves is looked for again, and a dependent that should go.
constexpr Duration kLookAgain = std::chrono::seconds(30);
constexpr Duration kLookAgainForLists = std::chrono::milliseconds(200);

std::vector<std::string> owner_index(const Object& object) {
  std::vector<std::string> uids;
  for (const kube::OwnerReference& owner : object.owners()) uids.push_back(owner.uid);
  return uids;
}

bool ending(const Object& object) {
  return object.deleting() &&
         (object.has_finalizer(kForegroundFinalizer) || object.has_finalizer(kOrphanFinalizer));
}

}  // namespace

GarbageCollector::GarbageCollector(client::Manager& manager, client::Client& api, std::string cluster,
                                   std::set<client::Resource> shared)
    : manager_(manager), api_(api), client_(manager.client(cluster, api)), cluster_(std::move(cluster)),
      shared_(std::move(shared)), events_(client_, manager.clock(), "garbage-collector-controller") {}

Key GarbageCollector::key_of(const client::Resource& resource, const Object& object) const {
  return {cluster_, {std::string(object.ns()), concat(resource.group_resource(), "/", object.name())}};
}

std::vector<client::Informer*> GarbageCollector::followed() const {
  std::lock_guard lock(mutex_);
  std::vector<client::Informer*> all;
  for (const auto& [name, informer] : informers_) all.push_back(informer);
  return all;
}

client::Informer* GarbageCollector::followed(const std::string& group_resource) const {
  std::lock_guard lock(mutex_);
  auto found = informers_.find(group_resource);
  return found == informers_.end() ? nullptr : found->second;
}

Result<void> GarbageCollector::follow() {
  std::vector<client::Resource> served = SERIN_TRY(api_.resources());
  for (client::Informer* informer : followed()) {
    if (std::find(served.begin(), served.end(), informer->resource()) != served.end()) continue;
    std::lock_guard lock(mutex_);
    informers_.erase(informer->resource().group_resource());
  }
  for (const client::Resource& resource : served) {
    // Events own nothing and are owned by nothing; they are many.
    if (resource.plural == "events" || followed(resource.group_resource())) continue;
    client::InformerOptions options;
    if (!shared_.count(resource))
      options.keep = {"metadata.ownerReferences", "metadata.finalizers", "metadata.deletionTimestamp"};
    client::Informer& informer = manager_.informer(cluster_, api_, resource, options);
    informer.add_index(kOwnerIndex, owner_index);
    {
      std::lock_guard lock(mutex_);
      informers_[resource.group_resource()] = &informer;
      if (!heard_.insert(&informer).second) continue;
    }
    informer.add_handler([this, resource](const Object* old, const Object* now) { changed(resource, old, now); });
  }
  return {};
}

std::vector<Dependent> GarbageCollector::dependents_of(std::string_view uid) const {
  std::vector<Dependent> dependents;
  for (client::Informer* informer : followed())
    for (Object& object : informer->by_index(kOwnerIndex, std::string(uid)))
      dependents.push_back({informer->resource(), std::move(object)});
  return dependents;
}

void GarbageCollector::changed(const client::Resource& resource, const Object* old, const Object* now) {
  auto differs = [&](const char* member) {
    const json::value* before = json::find(old->doc(), "metadata", member);
    const json::value* after = json::find(now->doc(), "metadata", member);
    return before && after ? *before != *after : before != after;
  };
  bool news = !old || (now && (old->uid() != now->uid() || differs("ownerReferences") || differs("finalizers") ||
                               differs("deletionTimestamp")));
  if (now && news && (!now->owners().empty() || ending(*now)))
    controller_->enqueue(key_of(resource, *now));
  bool left = old && (!now || now->uid() != old->uid());
  bool ends = now && ending(*now) && (!old || !ending(*old));
  if (!left && !ends) return;
  const Object& gone = left ? *old : *now;
  for (const Dependent& dependent : dependents_of(gone.uid()))
    controller_->enqueue(key_of(dependent.resource, dependent.object));
  if (!left) return;
  // An owner that is deleted in the foreground waits for this.
  for (const kube::OwnerReference& owner : gone.owners()) {
    kube::GroupVersion gv = kube::GroupVersion::parse(owner.api_version);
    for (client::Informer* informer : followed()) {
      const client::Resource& owning = informer->resource();
      if (owning.kind != owner.kind || owning.group != gv.group) continue;
      std::string ns = owning.namespaced ? std::string(gone.ns()) : "";
      controller_->enqueue({cluster_, {ns, concat(owning.group_resource(), "/", owner.name)}});
    }
  }
}

Result<Object> GarbageCollector::find_owner(const client::Resource& resource, const kube::NamespacedName& name,
                                            std::string_view uid) {
  if (client::Informer* informer = followed(resource.group_resource()))
    if (std::optional<Object> known = informer->get(name); known && known->uid() == uid) return *known;
  // A cache may not know it yet: only the cluster itself can say that an owner is not there.
  return client_.live().get(resource, name);
}

Result<OwnerState> GarbageCollector::state_of(const Object& object, const kube::OwnerReference& reference) {
  using State = OwnerState::State;
  kube::GroupVersion gv = kube::GroupVersion::parse(reference.api_version);
  client::Resource resource;
  for (client::Informer* informer : followed())
    if (informer->resource().kind == reference.kind && informer->resource().group == gv.group)
      resource = informer->resource();
  if (resource.plural.empty()) {
    Result<client::Resource> found = client_.resource_for({gv.group, gv.version, reference.kind});
    if (failed_with(found, Code::kNotFound)) return OwnerState{reference, State::kUnserved};
    resource = SERIN_TRY(std::move(found));
  }
  if (resource.namespaced && object.ns().empty()) {
    events_.warning(object, "OwnerRefInvalidNamespace",
                    concat("ownerRef [", reference.api_version, "/", reference.kind, ", namespace: , name: ", reference.name,
                           ", uid: ", reference.uid, "] does not exist in namespace \"\""));
    return OwnerState{reference, State::kUnresolvable};
  }
  kube::NamespacedName name{resource.namespaced ? std::string(object.ns()) : "", reference.name};
  Result<Object> owner = find_owner(resource, name, reference.uid);
  if (failed_with(owner, Code::kNotFound)) return OwnerState{reference, State::kGone};
  if (!owner) return fail(owner.error());
  if (owner->uid() != reference.uid) return OwnerState{reference, State::kGone};
  bool waiting = owner->deleting() && owner->has_finalizer(kForegroundFinalizer);
  return OwnerState{reference, waiting ? State::kWaiting : State::kPresent};
}

Result<Again> GarbageCollector::reconcile(const Key& key) {
  auto parts = cut(key.name.name, '/');
  client::Informer* informer = parts ? followed(std::string(parts->first)) : nullptr;
  if (!informer) return Again{};
  std::optional<Object> object = informer->get({key.name.ns, std::string(parts->second)});
  if (!object || (object->owners().empty() && !ending(*object))) return Again{};

  // What depends on it is known only when every list has been read.
  if (ending(*object))
    for (client::Informer* each : followed())
      if (!each->synced()) return Again{kLookAgainForLists};
  GarbageObserved observed{informer->resource(), *object, {}, dependents_of(object->uid())};
  bool unserved = false;
  if (!object->deleting()) {
    for (const kube::OwnerReference& reference : object->owners()) {
      observed.owners.push_back(SERIN_TRY(state_of(*object, reference)));
      unserved |= observed.owners.back().state == OwnerState::State::kUnserved;
    }
  }
  GarbageDecision decision = plan(observed);
  for (const client::Write& write : decision.writes) {
    Result<Object> done = execute(client_, write);
    if (!done && done.error().code != Code::kNotFound) return fail(done.error());
  }
  if (unserved || decision.wait) return Again{kLookAgain};
  return Again{};
}

Result<Again> ServedResourcesReconciler::reconcile(const Key&) {
  SERIN_TRY(collector_.follow());
  return Again{};
}

}  // namespace serin::cluster
