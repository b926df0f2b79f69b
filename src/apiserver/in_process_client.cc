#include "apiserver/in_process_client.h"

#include <algorithm>
#include <condition_variable>
#include <future>

#include "apiserver/rest/watcher.h"
#include "base/strings.h"

namespace serin::apiserver {
namespace {

using client::DeleteOptions;
using client::ListOptions;
using client::Patch;
using client::WatchEvent;
using client::WatchOptions;
using client::WriteOptions;
using kube::Object;
using kube::ObjectList;
using kube::Resource;

constexpr size_t kPollLimit = 128;

class InProcessWatch final : public client::Watch {
 public:
  static Result<std::unique_ptr<client::Watch>> open(Rest& rest, Target target, const WatcherOptions& options) {
    auto watch = std::make_unique<InProcessWatch>(rest, std::move(target));
    watch->watcher_ = SERIN_TRY(Watcher::open(rest, watch->target_, options, [state = watch->state_] {
      std::lock_guard lock(state->mutex);
      state->ready = true;
      state->wake.notify_all();
    }));
    return watch;
  }

  InProcessWatch(Rest& rest, Target target) : rest_(rest), target_(std::move(target)) {}

  Result<std::optional<WatchEvent>> next(TimePoint deadline) override {
    for (;;) {
      if (!pending_.empty()) {
        Delta delta = std::move(pending_.front());
        pending_.pop_front();
        return WatchEvent{delta.type, shown(delta)};
      }
      {
        std::lock_guard lock(state_->mutex);
        if (state_->cancelled) return fail(Code::kUnavailable, "the watch was cancelled");
        state_->ready = false;
      }
      Watcher::Batch batch = SERIN_TRY(watcher_->poll(kPollLimit));
      for (Delta& delta : batch.deltas) pending_.push_back(std::move(delta));
      if (batch.more || !pending_.empty()) continue;
      std::unique_lock lock(state_->mutex);
      auto ready = [&] { return state_->ready || state_->cancelled; };
      if (ready()) continue;
      if (rest_.clock().now() >= deadline) return std::nullopt;
      if (!rest_.clock().wait_until(lock, state_->wake, deadline, ready)) return std::nullopt;
    }
  }

  void cancel() override {
    std::lock_guard lock(state_->mutex);
    state_->cancelled = true;
    state_->wake.notify_all();
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable wake;
    bool ready = true;       // guarded by mutex
    bool cancelled = false;  // guarded by mutex
  };

  Object shown(const Delta& delta) const {
    Object object = rest_.object(target_, delta.entry);
    if (delta.revision == delta.entry->revision) return object;
    return object.edit([&](json::value& doc) {
      json::set(doc, {"metadata", "resourceVersion"}, json::value(std::to_string(delta.revision)));
    });
  }

  Rest& rest_;
  Target target_;
  std::shared_ptr<State> state_ = std::make_shared<State>();
  std::unique_ptr<Watcher> watcher_;
  std::deque<Delta> pending_;
};

class InProcessClient final : public client::Client {
 public:
  InProcessClient(Rest& rest, const ServiceAccountTokens& tokens, ClusterPtr cluster, std::string field_manager)
      : rest_(rest), tokens_(tokens), cluster_(std::move(cluster)), manager_(std::move(field_manager)) {}

  Result<Object> get(const Resource& resource, const NamespacedName& name) override {
    Target at = SERIN_TRY(target(resource, name));
    EntryPtr entry = SERIN_TRY(rest_.get(at));
    return rest_.object(at, entry);
  }

  Result<ObjectList> list(const Resource& resource, const ListOptions& options) override {
    Target at = SERIN_TRY(target(resource, {options.ns, ""}));
    ReadOptions read;
    read.label_selector = options.label_selector;
    read.field_selector = options.field_selector;
    read.limit = options.limit;
    read.continue_token = options.continue_token;
    Page page = SERIN_TRY(rest_.list(at, read));
    ObjectList list;
    list.version.value = page.revision;
    list.continue_token = std::move(page.continue_token);
    list.items.reserve(page.entries.size());
    for (const EntryPtr& entry : page.entries) list.items.push_back(rest_.object(at, entry));
    return list;
  }

  Result<std::unique_ptr<client::Watch>> watch(const Resource& resource, const WatchOptions& options) override {
    Target at = SERIN_TRY(target(resource, {options.ns, ""}));
    WatcherOptions watcher{options.label_selector, options.field_selector, std::nullopt};
    if (options.from.value != 0) watcher.from = options.from.value;
    return InProcessWatch::open(rest_, std::move(at), watcher);
  }

  Result<Object> create(const Resource& resource, const Object& object, const WriteOptions& options) override {
    Target at = SERIN_TRY(target(resource, object.key(), options.subresource));
    if (options.subresource == "token") return Object(SERIN_TRY(tokens_.request(cluster_->name(), object.key(), object.doc())));
    return object_of(wait([&](Done done) { rest_.create(std::move(at), object.doc(), named(options), std::move(done)); }));
  }

  Result<Object> update(const Resource& resource, const Object& object, const WriteOptions& options) override {
    Target at = SERIN_TRY(target(resource, object.key(), options.subresource));
    return object_of(wait([&](Done done) { rest_.update(std::move(at), object.doc(), named(options), std::move(done)); }));
  }

  Result<Object> patch(const Resource& resource, const NamespacedName& name, const Patch& patch,
                       const WriteOptions& options) override {
    Target at = SERIN_TRY(target(resource, name, options.subresource));
    return object_of(wait([&](Done done) { rest_.patch(std::move(at), patch, named(options), std::move(done)); }));
  }

  Result<void> remove(const Resource& resource, const NamespacedName& name, const DeleteOptions& options) override {
    Target at = SERIN_TRY(target(resource, name));
    SERIN_TRY(wait([&](Done done) { rest_.remove(std::move(at), options, std::move(done)); }));
    return {};
  }

  Result<Resource> resource_for(const kube::GroupVersionKind& gvk) override {
    ServedPtr served = cluster_->catalog()->find_kind(gvk);
    if (!served)
      return fail(Code::kNotFound, concat("no matches for kind \"", gvk.kind, "\" in version \"",
                                          gvk.group_version().api_version(), '"'));
    return served->resource();
  }

  Result<std::vector<Resource>> resources() override {
    std::vector<Resource> all;
    CatalogPtr catalog = cluster_->catalog();
    for (const ServedPtr& served : catalog->all()) {
      const auto& verbs = served->info.verbs;
      if (std::find(verbs.begin(), verbs.end(), "list") == verbs.end()) continue;
      const Resource& r = served->resource();
      if (!served->conversion && catalog->find_resource(r.group, r.plural) == served) all.push_back(r);
    }
    return all;
  }

 private:
  Result<Target> target(const Resource& resource, const NamespacedName& name, const std::string& subresource = {}) {
    ServedPtr served = cluster_->catalog()->find(resource.group, resource.version, resource.plural);
    if (!served || !served->has_subresource(subresource))
      return fail(Code::kNotFound, concat("the server could not find the requested resource (", resource.group_resource(), ' ',
                                          resource.version, subresource.empty() ? "" : "/", subresource, ')'));
    Target target{cluster_, std::move(served), name, subresource};
    if (!target.resource->resource().namespaced) target.name.ns.clear();
    return target;
  }

  WriteOptions named(WriteOptions options) const {
    if (options.field_manager.empty()) options.field_manager = manager_;
    return options;
  }

  static Result<Outcome> wait(const std::function<void(Done)>& start) {
    auto answer = std::make_shared<std::promise<Result<Outcome>>>();
    auto waiting = answer->get_future();
    start([answer](Result<Outcome> outcome) { answer->set_value(std::move(outcome)); });
    return waiting.get();
  }

  static Result<Object> object_of(Result<Outcome> outcome) {
    if (!outcome) return fail(outcome.error());
    return std::move(outcome->object);
  }

  Rest& rest_;
  const ServiceAccountTokens& tokens_;
  ClusterPtr cluster_;
  std::string manager_;
};

}  // namespace

std::unique_ptr<client::Client> in_process_client(Rest& rest, const ServiceAccountTokens& tokens, ClusterPtr cluster,
                                                  std::string field_manager) {
  return std::make_unique<InProcessClient>(rest, tokens, std::move(cluster), std::move(field_manager));
}

}  // namespace serin::apiserver
