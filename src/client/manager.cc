#include "client/manager.h"

#include <algorithm>

#include "base/log.h"

namespace serin::client {

// ---- Controller ----

Controller::Controller(Clock& clock, ControllerOptions options, std::unique_ptr<Reconciler> reconciler)
    : clock_(clock), options_(std::move(options)), reconciler_(std::move(reconciler)),
      queue_(clock, options_.backoff) {}

void Controller::enqueue(const Key& key, Duration after) { queue_.add_after(key, after); }

ControllerStats Controller::stats() const {
  std::lock_guard lock(mutex_);
  return stats_;
}

std::optional<Error> Controller::last_error(const Key& key) const {
  std::lock_guard lock(mutex_);
  auto found = errors_.find(key);
  return found == errors_.end() ? std::nullopt : std::optional(found->second);
}

bool Controller::may_run(const Key& key) {
  std::lock_guard lock(mutex_);
  for (const auto& [cluster, informer] : required_) {
    if (cluster != key.cluster || informer->synced()) continue;
    parked_.insert(key);
    return false;
  }
  return true;
}

void Controller::unpark() {
  std::set<Key> keys;
  {
    std::lock_guard lock(mutex_);
    keys.swap(parked_);
  }
  for (const Key& key : keys) queue_.add(key);
}

void Controller::run(const Key& key) {
  if (!may_run(key)) {
    queue_.done(key);
    return;
  }
  TimePoint begun = clock_.now();
  Result<Again> again = reconciler_->reconcile(key);
  {
    std::lock_guard lock(mutex_);
    ++stats_.runs;
    stats_.busy += clock_.now() - begun;
    if (again) {
      errors_.erase(key);
    } else {
      ++(again.error().terminal ? stats_.terminal_errors : stats_.errors);
      errors_.insert_or_assign(key, again.error());
    }
  }
  if (again) {
    queue_.forget(key);
    if (again->after) queue_.add_after(key, std::max(*again->after, Duration(1)));
  } else {
    const Error& error = again.error();
    // A conflict is the normal answer to a stale read; the next pass reads again.
    if (error.code != Code::kConflict)
      log::warning(options_.name, error.message,
                   {{"key", key.str()}, {"reason", reason(error.code)}, {"retry", error.terminal ? "no" : "yes"}});
    if (error.terminal)
      queue_.forget(key);
    else
      queue_.retry(key, error.retry_after.value_or(std::chrono::seconds(0)));
  }
  queue_.done(key);
}

// ---- mappers ----

MapFunction own_key(std::string cluster) {
  return [cluster = std::move(cluster)](const Object* old, const Object* now) {
    return std::vector<Key>{{cluster, (now ? now : old)->key()}};
  };
}

MapFunction controller_owner(const Resource& owner, std::string cluster) {
  return [owner, cluster = std::move(cluster)](const Object* old, const Object* now) {
    std::vector<Key> keys;
    for (const Object* object : {old, now}) {
      if (!object) continue;
      std::optional<kube::OwnerReference> controller = object->controller();
      if (!controller || controller->kind != owner.kind ||
          kube::GroupVersion::parse(controller->api_version).group != owner.group)
        continue;
      Key key{cluster, {owner.namespaced ? std::string(object->ns()) : "", controller->name}};
      if (keys.empty() || keys.front() != key) keys.push_back(std::move(key));
    }
    return keys;
  };
}

// ---- Manager ----

Manager::~Manager() { stop(); }

Informer& Manager::informer(const std::string& cluster, Client& client, const Resource& resource,
                            const InformerOptions& options) {
  CachedClient& cached = this->client(cluster, client);
  std::lock_guard lock(mutex_);
  for (const auto& owned : informers_)
    if (!owned->stopped && owned->cluster == cluster && owned->informer->resource() == resource &&
        (owned->informer->options() <=> options) == 0)
      return *owned->informer;
  auto owned = std::make_unique<OwnedInformer>();
  owned->cluster = cluster;
  owned->informer = std::make_unique<Informer>(client, resource, clock_, options);
  cached.use(*owned->informer);
  if (started_ && !stopped_) start_informer_locked(*owned);
  informers_.push_back(std::move(owned));
  return *informers_.back()->informer;
}

CachedClient& Manager::client(const std::string& cluster, Client& client) {
  std::lock_guard lock(mutex_);
  auto& cached = clients_[cluster];
  if (!cached) cached = std::make_unique<CachedClient>(client);
  return *cached;
}

void Manager::stop_cluster(const std::string& cluster) {
  std::lock_guard lock(mutex_);
  auto client = clients_.find(cluster);
  for (const auto& owned : informers_) {
    if (owned->cluster != cluster || owned->stopped) continue;
    owned->stopped = true;
    owned->informer->stop();
    if (client != clients_.end()) client->second->drop(*owned->informer);
  }
  if (client != clients_.end()) {
    former_clients_.push_back(std::move(client->second));
    clients_.erase(client);
  }
}

Controller& Manager::add_controller(ControllerOptions options, std::unique_ptr<Reconciler> reconciler) {
  std::lock_guard lock(mutex_);
  controllers_.push_back(std::make_unique<Controller>(clock_, std::move(options), std::move(reconciler)));
  if (started_ && !stopped_) start_controller_locked(*controllers_.back());
  return *controllers_.back();
}

std::string Manager::cluster_of_locked(const Informer& informer) const {
  for (const auto& owned : informers_)
    if (owned->informer.get() == &informer) return owned->cluster;
  return "";
}

void Manager::require(Controller& controller, Informer& informer) {
  std::string cluster;
  {
    std::lock_guard lock(mutex_);
    cluster = cluster_of_locked(informer);
  }
  {
    std::lock_guard lock(controller.mutex_);
    controller.required_.emplace_back(std::move(cluster), &informer);
  }
  informer.on_synced([&controller] { controller.unpark(); });
}

void Manager::watch(Controller& controller, Informer& informer, MapFunction map) {
  require(controller, informer);
  informer.add_handler([&controller, map = std::move(map)](const Object* old, const Object* now) {
    for (const Key& key : map(old, now)) controller.queue_.add(key);
  });
}

void Manager::start_informer_locked(OwnedInformer& owned) {
  owned.thread = std::thread([informer = owned.informer.get()] { informer->run(); });
}

void Manager::start_controller_locked(Controller& controller) {
  for (int i = 0; i < controller.options_.workers; ++i) {
    workers_.emplace_back([&controller] {
      while (std::optional<Key> key = controller.queue_.take()) controller.run(*key);
    });
  }
}

void Manager::start() {
  std::lock_guard lock(mutex_);
  if (started_ || stopped_) return;
  started_ = true;
  for (const auto& owned : informers_) start_informer_locked(*owned);
  for (const auto& controller : controllers_) start_controller_locked(*controller);
}

void Manager::stop() {
  std::vector<std::thread> threads;
  {
    std::lock_guard lock(mutex_);
    stopped_ = true;
    for (const auto& owned : informers_) {
      owned->informer->stop();
      if (owned->thread.joinable()) threads.push_back(std::move(owned->thread));
    }
    for (const auto& controller : controllers_) controller->queue_.shut_down();
    for (std::thread& worker : workers_) threads.push_back(std::move(worker));
    workers_.clear();
  }
  for (std::thread& thread : threads) thread.join();
}

// ---- simulation ----

bool Manager::step(Random& random) {
  std::vector<Informer*> informers;
  std::vector<Controller*> controllers;
  {
    std::lock_guard lock(mutex_);
    if (stopped_) return false;
    for (const auto& owned : informers_)
      if (!owned->stopped) informers.push_back(owned->informer.get());
    for (const auto& controller : controllers_) controllers.push_back(controller.get());
  }
  size_t all = informers.size() + controllers.size();
  if (all == 0) return false;
  size_t first = random.next() % all;
  for (size_t i = 0; i < all; ++i) {
    size_t at = (first + i) % all;
    if (at < informers.size()) {
      if (informers[at]->pump()) return true;
      continue;
    }
    Controller& controller = *controllers[at - informers.size()];
    if (!controller.queue_.ready()) continue;
    if (std::optional<Key> key = controller.queue_.try_take(random.next())) {
      controller.run(*key);
      return true;
    }
  }
  return false;
}

std::optional<TimePoint> Manager::next_due() const {
  std::lock_guard lock(mutex_);
  std::optional<TimePoint> next;
  auto consider = [&](std::optional<TimePoint> due) {
    if (due && (!next || *due < *next)) next = due;
  };
  for (const auto& owned : informers_)
    if (!owned->stopped) consider(owned->informer->next_due());
  for (const auto& controller : controllers_) consider(controller->queue_.next_due());
  return next;
}

size_t Manager::run_until_idle(uint64_t seed) {
  Random random(seed);
  size_t steps = 0;
  while (step(random)) ++steps;
  return steps;
}

std::vector<const Controller*> Manager::controllers() const {
  std::lock_guard lock(mutex_);
  std::vector<const Controller*> all;
  for (const auto& controller : controllers_) all.push_back(controller.get());
  return all;
}

std::vector<std::pair<std::string, const Informer*>> Manager::informers() const {
  std::lock_guard lock(mutex_);
  std::vector<std::pair<std::string, const Informer*>> all;
  for (const auto& owned : informers_) all.emplace_back(owned->cluster, owned->informer.get());
  return all;
}

}  // namespace serin::client
