#include "client/cached_client.h"

namespace serin::client {

void CachedClient::use(Informer& informer) {
  if (!informer.options().whole()) return;
  std::unique_lock lock(mutex_);
  informers_[informer.resource()] = &informer;
}

void CachedClient::drop(Informer& informer) {
  std::unique_lock lock(mutex_);
  auto found = informers_.find(informer.resource());
  if (found != informers_.end() && found->second == &informer) informers_.erase(found);
}

Informer* CachedClient::informer_of(const Resource& resource) {
  std::shared_lock lock(mutex_);
  auto found = informers_.find(resource);
  return found == informers_.end() ? nullptr : found->second;
}

Result<Object> CachedClient::get(const Resource& resource, const NamespacedName& name) {
  Informer* informer = informer_of(resource);
  if (!informer || !informer->synced()) return live_.get(resource, name);
  if (std::optional<Object> object = informer->get(name)) return *object;
  return fail(Code::kNotFound, resource.group_resource() + " \"" + name.name + "\" not found");
}

Result<ObjectList> CachedClient::list(const Resource& resource, const ListOptions& options) {
  Informer* informer = informer_of(resource);
  bool plain = options.field_selector.empty() && options.limit == 0 && options.continue_token.empty();
  if (!plain || !informer || !informer->synced()) return live_.list(resource, options);
  kube::LabelSelector selector = SERIN_TRY(kube::LabelSelector::parse(options.label_selector));
  return ObjectList{informer->list(options.ns, selector), informer->version(), ""};
}

Result<std::unique_ptr<Watch>> CachedClient::watch(const Resource& resource, const WatchOptions& options) {
  return live_.watch(resource, options);
}

Result<Object> CachedClient::observed(const Resource& resource, const WriteOptions& options,
                                      Result<Object> answer) {
  // Other subresources answer with other kinds (Scale, Binding).
  if (answer && !options.dry_run && answer->kind() == resource.kind)
    if (Informer* informer = informer_of(resource)) informer->observe(*answer);
  return answer;
}

Result<Object> CachedClient::create(const Resource& resource, const Object& object, const WriteOptions& options) {
  return observed(resource, options, live_.create(resource, object, options));
}

Result<Object> CachedClient::update(const Resource& resource, const Object& object, const WriteOptions& options) {
  return observed(resource, options, live_.update(resource, object, options));
}

Result<Object> CachedClient::patch(const Resource& resource, const NamespacedName& name, const Patch& patch,
                                   const WriteOptions& options) {
  return observed(resource, options, live_.patch(resource, name, patch, options));
}

Result<void> CachedClient::remove(const Resource& resource, const NamespacedName& name,
                                  const DeleteOptions& options) {
  Informer* informer = informer_of(resource);
  std::string uid = options.uid;
  if (informer && uid.empty())
    if (std::optional<Object> known = informer->get(name)) uid = known->uid();
  Result<void> removed = live_.remove(resource, name, options);
  if (!informer || options.dry_run) return removed;
  if (!removed && removed.error().code != Code::kNotFound) return removed;
  Result<Object> left = live_.get(resource, name);
  if (left)
    informer->observe(*left);
  if (left ? left->uid() != uid : left.error().code == Code::kNotFound) informer->observe_removed(name, uid);
  return removed;
}

Result<Resource> CachedClient::resource_for(const kube::GroupVersionKind& gvk) { return live_.resource_for(gvk); }
Result<std::vector<Resource>> CachedClient::resources() { return live_.resources(); }

}  // namespace serin::client
