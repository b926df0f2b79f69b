#include "client/informer.h"

#include "base/log.h"
#include "base/strings.h"

namespace serin::client {
namespace {

/// How long a blocked wait for an event lasts at the most; `stop` ends it early.
constexpr Duration kLongestWait = std::chrono::minutes(5);

bool same(const Object* a, const Object* b) { return a == b || (a && b && *a == *b); }

const Object* pointer(const std::optional<Object>& object) { return object ? &*object : nullptr; }

/// The object with no more than `keep` asks for.
Object reduced(const Object& object, const std::vector<std::string>& keep) {
  if (keep.empty()) return object;
  json::value doc = json::object();
  auto take = [&](std::string_view member) {
    auto nested = cut(member, '.');
    const json::value* found = nested ? json::find(object.doc(), nested->first, nested->second) : json::find(object.doc(), member);
    if (!found) return;
    if (nested)
      json::set(doc, {nested->first, nested->second}, *found);
    else
      json::set(doc, {member}, *found);
  };
  for (const char* member : {"apiVersion", "kind", "metadata.name", "metadata.namespace", "metadata.uid", "metadata.resourceVersion"})
    take(member);
  for (const std::string& member : keep) take(member);
  return Object(std::move(doc));
}

}  // namespace

const Object* Informer::Entry::visible() const {
  if (ahead) return &*ahead;
  if (!seen || (!gone_uid.empty() && seen->uid() == gone_uid)) return nullptr;
  return &*seen;
}

Informer::Informer(Client& client, Resource resource, Clock& clock, InformerOptions options)
    : client_(client), resource_(std::move(resource)), clock_(clock), options_(std::move(options)) {}

Informer::~Informer() { stop(); }

// ---- reading ----

std::optional<Object> Informer::get(const NamespacedName& key) const {
  std::shared_lock lock(mutex_);
  auto found = entries_.find(key);
  const Object* object = found == entries_.end() ? nullptr : found->second.visible();
  return object ? std::optional(*object) : std::nullopt;
}

std::vector<Object> Informer::list(const std::string& ns, const kube::LabelSelector& selector) const {
  std::vector<Object> objects;
  std::shared_lock lock(mutex_);
  for (auto at = ns.empty() ? entries_.begin() : entries_.lower_bound({ns, ""}); at != entries_.end(); ++at) {
    if (!ns.empty() && at->first.ns != ns) break;
    const Object* object = at->second.visible();
    if (object && (selector.empty() || selector.matches(json::find(object->doc(), "metadata", "labels"))))
      objects.push_back(*object);
  }
  return objects;
}

std::vector<Object> Informer::by_index(const std::string& index, const std::string& value) const {
  std::vector<Object> objects;
  std::shared_lock lock(mutex_);
  auto found = indexes_.find(index);
  if (found == indexes_.end()) return objects;
  auto keys = found->second.keys.find(value);
  if (keys == found->second.keys.end()) return objects;
  for (const NamespacedName& key : keys->second)
    if (const Object* object = entries_.at(key).visible()) objects.push_back(*object);
  return objects;
}

ResourceVersion Informer::version() const {
  std::shared_lock lock(mutex_);
  return version_;
}

size_t Informer::size() const {
  std::shared_lock lock(mutex_);
  return entries_.size();
}

InformerStats Informer::stats() const {
  std::shared_lock lock(mutex_);
  return stats_;
}

// ---- setting up ----

void Informer::add_index(const std::string& name, IndexFunction function) {
  std::unique_lock lock(mutex_);
  if (indexes_.count(name)) return;
  Index& index = indexes_[name];
  index.function = std::move(function);
  for (const auto& [key, entry] : entries_)
    if (const Object* object = entry.visible())
      for (const std::string& value : index.function(*object)) index.keys[value].insert(key);
}

void Informer::add_handler(Handler handler) {
  std::lock_guard handlers(handlers_mutex_);
  std::vector<Object> present;
  {
    std::shared_lock lock(mutex_);
    for (const auto& [key, entry] : entries_)
      if (entry.seen) present.push_back(*entry.seen);
  }
  for (const Object& object : present) handler(nullptr, &object);
  handlers_.push_back(std::move(handler));
}

void Informer::on_synced(std::function<void()> callback) {
  std::lock_guard handlers(handlers_mutex_);
  if (synced_)
    callback();
  else
    on_synced_.push_back(std::move(callback));
}

// ---- the cache ----

void Informer::change_entry(const NamespacedName& key, const std::function<void(Entry&)>& change) {
  Entry& entry = entries_[key];
  std::optional<Object> before;
  if (const Object* object = entry.visible()) before = *object;
  change(entry);
  const Object* after = entry.visible();
  if (!same(pointer(before), after)) {
    for (auto& [name, index] : indexes_) {
      if (before) {
        for (const std::string& value : index.function(*before)) {
          auto keys = index.keys.find(value);
          if (keys == index.keys.end()) continue;
          keys->second.erase(key);
          if (keys->second.empty()) index.keys.erase(keys);
        }
      }
      if (after)
        for (const std::string& value : index.function(*after)) index.keys[value].insert(key);
    }
  }
  if (!entry.seen && !entry.ahead && entry.gone_uid.empty()) entries_.erase(key);
}

std::optional<Informer::Change> Informer::put_seen(const NamespacedName& key, std::optional<Object> object,
                                                   ResourceVersion version) {
  std::optional<Change> heard;
  change_entry(key, [&](Entry& entry) {
    if (object && entry.seen && object->version() < entry.seen->version()) return;
    if (entry.ahead && entry.ahead->version() <= version) entry.ahead.reset();
    if (!object || object->uid() != entry.gone_uid) entry.gone_uid.clear();
    if (same(pointer(object), pointer(entry.seen))) return;
    heard = Change{entry.seen, object};
    entry.seen = std::move(object);
  });
  return heard;
}

void Informer::observe(const Object& written) {
  std::unique_lock lock(mutex_);
  if (written.name().empty() || (!options_.ns.empty() && written.ns() != options_.ns)) return;
  // Where the object may lie outside the selection, no event need ever confirm it.
  if (!options_.label_selector.empty() || !options_.field_selector.empty() || !options_.keep.empty()) return;
  change_entry(written.key(), [&](Entry& entry) {
    ResourceVersion newest = entry.ahead ? entry.ahead->version() : entry.seen ? entry.seen->version() : ResourceVersion{};
    // A version at or below what the watch has brought tells nothing new: the object may even be gone since.
    if (written.version() <= newest || written.version() <= version_ || written.uid() == entry.gone_uid) return;
    entry.ahead = written;
  });
}

void Informer::observe_removed(const NamespacedName& key, std::string_view uid) {
  std::unique_lock lock(mutex_);
  if (uid.empty()) return;
  change_entry(key, [&](Entry& entry) {
    if (entry.ahead && entry.ahead->uid() == uid) entry.ahead.reset();
    if (entry.seen && entry.seen->uid() == uid) entry.gone_uid = uid;
  });
}

void Informer::deliver(const std::vector<Change>& changes) {
  for (const Change& change : changes)
    for (size_t i = 0; i < handlers_.size(); ++i) handlers_[i](pointer(change.old), pointer(change.now));
}

// ---- driving ----

bool Informer::list_all() {
  ListOptions options{options_.ns, options_.label_selector, options_.field_selector};
  Result<ObjectList> listed = client_.list(resource_, options);
  if (!listed) {
    retry(listed.error());
    return true;
  }
  std::lock_guard handlers(handlers_mutex_);
  std::vector<Change> changes;
  {
    std::unique_lock lock(mutex_);
    ++stats_.lists;
    std::set<NamespacedName> present;
    for (Object& object : listed->items) {
      NamespacedName key = object.key();
      present.insert(key);
      if (auto change = put_seen(key, reduced(object, options_.keep), listed->version)) changes.push_back(std::move(*change));
    }
    std::vector<NamespacedName> absent;
    for (const auto& [key, entry] : entries_)
      if (!present.count(key)) absent.push_back(key);
    for (const NamespacedName& key : absent)
      if (auto change = put_seen(key, std::nullopt, listed->version)) changes.push_back(std::move(*change));
    version_ = listed->version;
  }
  need_list_ = false;
  deliver(changes);
  if (!synced_) {
    synced_ = true;
    for (const auto& callback : std::exchange(on_synced_, {})) callback();
  }
  return true;
}

void Informer::handle(const WatchEvent& event) {
  std::lock_guard handlers(handlers_mutex_);
  std::vector<Change> changes;
  {
    std::unique_lock lock(mutex_);
    ++stats_.events;
    if (event.object.version() > version_) version_ = event.object.version();
    if (event.type != WatchEvent::Type::kBookmark) {
      std::optional<Object> object;
      if (event.type != WatchEvent::Type::kDeleted) object = reduced(event.object, options_.keep);
      if (auto change = put_seen(event.object.key(), std::move(object), event.object.version()))
        changes.push_back(std::move(*change));
    }
  }
  deliver(changes);
}

void Informer::retry(const Error& error) {
  bool too_old = error.code == Code::kExpired || error.code == Code::kGone;
  std::lock_guard lock(drive_mutex_);
  watch_.reset();
  if (stopped_) return;
  if (too_old) {
    need_list_ = true;
    if (++expiries_ == 1) return;  // at once; a pause only where listing again has not helped
  }
  ++failures_;
  retry_at_ = clock_.now() + options_.reconnect.after(failures_);
  {
    std::unique_lock cache(mutex_);
    ++stats_.errors;
  }
  if (failures_ == 2)  // once per outage; a single lost connection is nothing to tell
    log::warning("informer", "no connection", {{"resource", resource_.group_resource()}, {"error", error.message}});
}

bool Informer::step(TimePoint deadline) {
  std::shared_ptr<Watch> watch;
  {
    std::lock_guard lock(drive_mutex_);
    if (stopped_ || (retry_at_ && *retry_at_ > clock_.now())) return false;
    retry_at_.reset();
    watch = watch_;
  }
  if (need_list_) return list_all();
  if (!watch) {
    WatchOptions options{options_.ns, options_.label_selector, options_.field_selector, version()};
    Result<std::unique_ptr<Watch>> started = client_.watch(resource_, options);
    if (!started) {
      retry(started.error());
      return true;
    }
    {
      std::unique_lock cache(mutex_);
      ++stats_.watches;
    }
    std::lock_guard lock(drive_mutex_);
    watch_ = std::move(*started);
    if (stopped_) watch_->cancel();
    return true;
  }
  Result<std::optional<WatchEvent>> event = watch->next(deadline);
  if (!event) {
    retry(event.error());
    return true;
  }
  failures_ = expiries_ = 0;
  if (!*event) return false;
  handle(**event);
  return true;
}

bool Informer::pump() { return step(clock_.now()); }

std::optional<TimePoint> Informer::next_due() const {
  std::lock_guard lock(drive_mutex_);
  return stopped_ ? std::nullopt : retry_at_;
}

void Informer::run() {
  while (true) {
    {
      std::unique_lock lock(drive_mutex_);
      if (stopped_) return;
      if (retry_at_) clock_.wait_until(lock, wake_, *retry_at_, [&] { return stopped_; });
    }
    step(clock_.now() + kLongestWait);
  }
}

void Informer::stop() {
  std::lock_guard lock(drive_mutex_);
  stopped_ = true;
  if (watch_) watch_->cancel();
  wake_.notify_all();
}

}  // namespace serin::client
