#include "client/testing/memory_client.h"

#include <algorithm>

#include "base/strings.h"
#include "base/time.h"
#include "data/patch.h"
#include "kube/resources.h"

namespace serin::client::testing {
namespace {

constexpr int64_t kDefaultGraceSeconds = 30;

struct Selection {
  std::string ns;
  kube::LabelSelector labels;
  kube::FieldSelector fields;

  bool matches(const Object& object) const {
    return (ns.empty() || object.ns() == ns) &&
           labels.matches(json::find(object.doc(), "metadata", "labels")) &&
           (fields.empty() || fields.matches(object.doc()));
  }
};

template <class Options>
Result<Selection> selection(const Options& options) {
  Selection selection{options.ns, SERIN_TRY(kube::LabelSelector::parse(options.label_selector)), {}};
  if (!options.field_selector.empty())
    selection.fields = SERIN_TRY(kube::FieldSelector::parse(options.field_selector));
  return selection;
}

std::string missing(const Resource& resource, const NamespacedName& name) {
  return concat(resource.group_resource(), " \"", name.name, "\" not found");
}

/// What generation counts: everything but metadata and status.
json::value counted(const json::value& doc) {
  json::object rest = doc.get_object();
  for (const char* member : {"metadata", "status", "apiVersion", "kind"}) rest.erase(member);
  return rest;
}

/// metadata that no writer changes.
void keep_system_metadata(const json::value& before, json::value& after) {
  for (const char* field : {"name", "namespace", "uid", "creationTimestamp", "generation",
                            "deletionTimestamp", "deletionGracePeriodSeconds", "resourceVersion"}) {
    if (const json::value* kept = json::find(before, "metadata", field))
      json::set(after, {"metadata", field}, *kept);
    else
      json::erase(after, {"metadata", field});
  }
}

void keep_member(const json::value& before, json::value& after, std::string_view member) {
  if (const json::value* kept = json::find(before, member))
    json::set(after, {member}, *kept);
  else
    json::erase(after, {member});
}

void set_version(json::value& doc, uint64_t revision) {
  json::set(doc, {"metadata", "resourceVersion"}, json::value(std::to_string(revision)));
}

/// Whether a deleting object may go now.
bool may_go(const json::value& doc) {
  return json::items(doc, "metadata", "finalizers").empty() &&
         json::get_int(doc, 0, "metadata", "deletionGracePeriodSeconds") == 0 &&
         (json::get_string(doc, "kind") != "Namespace" || json::items(doc, "spec", "finalizers").empty());
}

void add_finalizer(json::value& doc, std::string_view finalizer) {
  json::value& list = json::ensure_object(doc, {"metadata"})["finalizers"];
  if (!list.is_array()) list = json::array();
  for (const json::value& present : list.get_array())
    if (json::as_string(&present) == finalizer) return;
  list.get_array().emplace_back(finalizer);
}

Object scale_of(const Object& object) {
  return Object(json::object{
      {"apiVersion", "autoscaling/v1"},
      {"kind", "Scale"},
      {"metadata", json::object{{"name", object.name()},
                                {"namespace", object.ns()},
                                {"uid", object.uid()},
                                {"resourceVersion", object.version().str()}}},
      {"spec", json::object{{"replicas", json::get_int(object.doc(), 0, "spec", "replicas")}}},
      {"status", json::object{{"replicas", json::get_int(object.doc(), 0, "status", "replicas")}}}});
}

}  // namespace

// ---- watches ----

class MemoryClient::MemoryWatch final : public Watch {
 public:
  MemoryWatch(MemoryClient& client, std::string resource, Selection selection, uint64_t from,
              std::vector<Object> initial)
      : client_(client), resource_(std::move(resource)), selection_(std::move(selection)), from_(from),
        initial_(std::move(initial)), breaks_(client.breaks_) {}

  Result<std::optional<WatchEvent>> next(TimePoint deadline) override {
    std::unique_lock lock(client_.mutex_);
    std::optional<WatchEvent> event;
    client_.clock_.wait_until(lock, client_.wake_, deadline, [&] {
      if (cancelled_ || breaks_ != client_.breaks_) return true;
      if (!event && !client_.held_) event = take_locked();
      return event.has_value();
    });
    if (cancelled_) return fail(Code::kUnavailable, "the watch was cancelled");
    if (breaks_ != client_.breaks_) return fail(client_.break_code_, "the watch was broken");
    return event;
  }

  void cancel() override {
    std::lock_guard lock(client_.mutex_);
    cancelled_ = true;
    client_.wake_.notify_all();
  }

 private:
  std::optional<WatchEvent> take_locked() {
    if (next_initial_ < initial_.size())
      return WatchEvent{WatchEvent::Type::kAdded, initial_[next_initial_++]};
    const auto& history = client_.history_;
    auto at = std::upper_bound(history.begin(), history.end(), from_,
                               [](uint64_t from, const Change& change) { return from < change.revision; });
    for (; at != history.end(); ++at) {
      from_ = at->revision;
      if (at->resource.group_resource() != resource_) continue;
      bool was = at->old && selection_.matches(*at->old);
      bool is = at->now && selection_.matches(*at->now);
      if (is) return WatchEvent{was ? WatchEvent::Type::kModified : WatchEvent::Type::kAdded, *at->now};
      if (!was) continue;
      return WatchEvent{WatchEvent::Type::kDeleted, (at->now ? *at->now : *at->old).edit([&](json::value& doc) {
                          set_version(doc, at->revision);
                        })};
    }
    return std::nullopt;
  }

  MemoryClient& client_;
  const std::string resource_;
  const Selection selection_;
  uint64_t from_;
  const std::vector<Object> initial_;
  size_t next_initial_ = 0;
  const uint64_t breaks_;
  bool cancelled_ = false;  // guarded by client_.mutex_
};

// ---- set-up ----

MemoryClient::MemoryClient(Clock& clock, uint64_t seed) : clock_(clock), random_(seed) {
  using namespace kube;
  for (const Resource& resource :
       {kNamespaces, kNodes, kPods, kServices, kDeployments, kReplicaSets, kJobs, kPodDisruptionBudgets,
        kCustomResourceDefinitions, kRollouts, kApplications, kVirtualServices, kDestinationRules, kGateways, kMeshes})
    serve(resource);
  for (const Resource& resource :
       {kEndpoints, kConfigMaps, kSecrets, kServiceAccounts, kEvents, kEndpointSlices, kLeases})
    serve(resource, false);
}

MemoryClient::~MemoryClient() = default;

void MemoryClient::serve(const Resource& resource, bool status_subresource) {
  std::lock_guard lock(mutex_);
  rules_.insert_or_assign(resource.group_resource(), Rule{resource, status_subresource});
}

Result<MemoryClient::Rule*> MemoryClient::rule_locked(const Resource& resource) {
  auto found = rules_.find(resource.group_resource());
  if (found == rules_.end())
    return fail(Code::kNotFound, "the server could not find the requested resource " + resource.group_resource());
  return &found->second;
}

Result<Object> MemoryClient::stored_locked(const Resource& resource, const NamespacedName& name) {
  SERIN_TRY(rule_locked(resource));
  const Store& store = stores_[resource.group_resource()];
  auto found = store.find(name);
  if (found == store.end()) return fail(Code::kNotFound, missing(resource, name));
  return found->second;
}

// ---- reads ----

Result<Object> MemoryClient::get(const Resource& resource, const NamespacedName& name) {
  std::lock_guard lock(mutex_);
  return stored_locked(resource, name);
}

Result<ObjectList> MemoryClient::list(const Resource& resource, const ListOptions& options) {
  Selection wanted = SERIN_TRY(selection(options));
  std::lock_guard lock(mutex_);
  SERIN_TRY(rule_locked(resource));
  ObjectList answer;
  answer.version.value = revision_;
  for (const auto& [name, object] : stores_[resource.group_resource()])
    if (wanted.matches(object)) answer.items.push_back(object);
  return answer;
}

Result<std::unique_ptr<Watch>> MemoryClient::watch(const Resource& resource, const WatchOptions& options) {
  Selection wanted = SERIN_TRY(selection(options));
  std::lock_guard lock(mutex_);
  SERIN_TRY(rule_locked(resource));
  uint64_t from = options.from.value;
  std::vector<Object> initial;
  if (from == 0) {
    for (const auto& [name, object] : stores_[resource.group_resource()])
      if (wanted.matches(object)) initial.push_back(object);
    from = revision_;
  } else if (from < compacted_) {
    return fail(Code::kExpired, concat("too old resource version: ", from, " (", compacted_, ")"));
  }
  return std::make_unique<MemoryWatch>(*this, resource.group_resource(), std::move(wanted), from,
                                       std::move(initial));
}

Result<Resource> MemoryClient::resource_for(const kube::GroupVersionKind& gvk) {
  std::lock_guard lock(mutex_);
  for (const auto& [name, rule] : rules_)
    if (rule.resource.group == gvk.group && rule.resource.kind == gvk.kind) return rule.resource;
  return fail(Code::kNotFound, concat("no resource serves kind ", gvk.kind, " of ", gvk.group));
}

Result<std::vector<Resource>> MemoryClient::resources() {
  std::lock_guard lock(mutex_);
  std::vector<Resource> all;
  for (const auto& [name, rule] : rules_) all.push_back(rule.resource);
  return all;
}

// ---- writes ----

Object MemoryClient::put_locked(const Resource& resource, const Object& before, json::value after) {
  set_version(after, ++revision_);
  Object now{std::move(after)};
  stores_[resource.group_resource()].insert_or_assign(now.key(), now);
  history_.push_back({revision_, resource, before.empty() ? std::nullopt : std::optional(before), now});
  wake_.notify_all();
  return now;
}

void MemoryClient::drop_locked(const Resource& resource, const Object& before) {
  stores_[resource.group_resource()].erase(before.key());
  history_.push_back({++revision_, resource, before, std::nullopt});
  wake_.notify_all();
}

Result<Object> MemoryClient::commit_locked(const Rule& rule, const Object& before, json::value after,
                                           const WriteOptions& options) {
  keep_system_metadata(before.doc(), after);
  json::set(after, {"apiVersion"}, json::value(rule.resource.api_version()));
  json::set(after, {"kind"}, json::value(rule.resource.kind));
  if (options.subresource == "status") {
    json::value only = before.doc();
    keep_member(after, only, "status");
    after = std::move(only);
  } else if (rule.status_subresource) {
    keep_member(before.doc(), after, "status");
  }
  if (after == before.doc()) return before;
  if (counted(after) != counted(before.doc()))
    json::set(after, {"metadata", "generation"}, before.generation() + 1);
  if (options.dry_run) return Object(std::move(after));
  if (before.deleting() && may_go(after)) {
    drop_locked(rule.resource, before);
    set_version(after, revision_);
    return Object(std::move(after));
  }
  return put_locked(rule.resource, before, std::move(after));
}

Result<void> MemoryClient::refused(const Call& call) {
  std::function<Result<void>(const Call&)> hook;
  {
    std::lock_guard lock(mutex_);
    calls_.push_back(call);
    hook = hook_;
  }
  return hook ? hook(call) : Result<void>{};
}

Result<Object> MemoryClient::create(const Resource& resource, const Object& object, const WriteOptions& options) {
  NamespacedName name = object.key();
  SERIN_TRY(refused({"create", resource, name, options.subresource}));
  std::lock_guard lock(mutex_);
  Rule* rule = SERIN_TRY(rule_locked(resource));
  if (rule->resource.namespaced == name.ns.empty())
    return fail(Code::kBadRequest, rule->resource.namespaced ? "the object needs a namespace"
                                                             : "the object must not have a namespace");
  if (const Store& spaces = stores_["namespaces"]; rule->resource.namespaced) {
    auto space = spaces.find({"", name.ns});
    if (space != spaces.end() && space->second.deleting())
      return fail({Code::kForbidden,
                   concat(resource.group_resource(), " \"", name.name, "\" is forbidden: unable to create new content in namespace ",
                          name.ns, " because it is being terminated"),
                   {{"NamespaceTerminating", concat("namespace ", name.ns, " is being terminated"), "metadata.namespace"}},
                   {}, false});
  }
  json::value doc = object.doc();
  if (options.subresource == "token") {
    if (!stores_[resource.group_resource()].count(name)) return fail(Code::kNotFound, missing(resource, name));
    Duration life = std::chrono::seconds(json::get_int(doc, 3600, "spec", "expirationSeconds"));
    doc.get_object()["status"] = json::object{{"token", concat("token-", ++tokens_)},
                                              {"expirationTimestamp", format_time(clock_.now() + life)}};
    return Object(std::move(doc));
  }
  std::string prefix(json::get_string(doc, "metadata", "generateName"));
  const Store& store = stores_[resource.group_resource()];
  if (name.name.empty()) {
    if (prefix.empty()) return fail(Code::kInvalid, "metadata.name: required value: name or generateName is required");
    do name.name = prefix + random_.suffix(5);
    while (store.count(name));
  }
  if (store.count(name))
    return fail(Code::kAlreadyExists, concat(resource.group_resource(), " \"", name.name, "\" already exists"));
  for (const char* field : {"resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds"})
    json::erase(doc, {"metadata", field});
  json::set(doc, {"apiVersion"}, json::value(rule->resource.api_version()));
  json::set(doc, {"kind"}, json::value(rule->resource.kind));
  json::set(doc, {"metadata", "name"}, json::value(name.name));
  json::set(doc, {"metadata", "uid"}, json::value(random_.uuid()));
  json::set(doc, {"metadata", "creationTimestamp"}, json::value(format_time(clock_.now())));
  json::set(doc, {"metadata", "generation"}, 1);
  if (rule->status_subresource) json::erase(doc, {"status"});
  if (rule->resource == kube::kNamespaces) {
    json::set(doc, {"spec", "finalizers"}, json::array{"kubernetes"});
    json::set(doc, {"status", "phase"}, "Active");
  }
  if (rule->resource == kube::kPods) json::set(doc, {"status", "phase"}, "Pending");
  if (options.dry_run) return Object(std::move(doc));
  return put_locked(rule->resource, Object(), std::move(doc));
}

Result<Object> MemoryClient::update(const Resource& resource, const Object& object, const WriteOptions& options) {
  SERIN_TRY(refused({"update", resource, object.key(), options.subresource}));
  std::lock_guard lock(mutex_);
  Rule* rule = SERIN_TRY(rule_locked(resource));
  Object before = SERIN_TRY(stored_locked(resource, object.key()));
  if (!object.uid().empty() && object.uid() != before.uid())
    return fail(Code::kConflict, concat(object.describe(), ": the uid does not match"));
  if (object.version().value != 0 && object.version() != before.version())
    return fail(Code::kConflict, concat("the object has been modified: ", object.describe()));
  if (options.subresource == "scale") {
    json::value after = before.doc();
    json::set(after, {"spec", "replicas"}, json::get_int(object.doc(), 0, "spec", "replicas"));
    return scale_of(SERIN_TRY(commit_locked(*rule, before, std::move(after), options)));
  }
  json::value after = object.doc();
  if (rule->resource == kube::kNamespaces && options.subresource != "finalize")
    keep_member(before.doc(), after, "spec");
  return commit_locked(*rule, before, std::move(after), options);
}

Result<Object> MemoryClient::patch(const Resource& resource, const NamespacedName& name, const Patch& patch,
                                   const WriteOptions& options) {
  SERIN_TRY(refused({"patch", resource, name, options.subresource}));
  std::lock_guard lock(mutex_);
  Rule* rule = SERIN_TRY(rule_locked(resource));
  Object before = SERIN_TRY(stored_locked(resource, name));
  bool scale = options.subresource == "scale";
  json::value after = scale ? scale_of(before).doc() : before.doc();
  switch (patch.type) {
    case Patch::Type::kMerge: json::merge_patch(after, patch.body); break;
    case Patch::Type::kJson: after = SERIN_TRY(json::apply_patch(std::move(after), patch.body)); break;
    default: return fail(Code::kUnsupportedMediaType, "the memory client knows merge and JSON patches only");
  }
  ResourceVersion expected = ResourceVersion::parse(json::get_string(after, "metadata", "resourceVersion"));
  if (expected.value != 0 && expected != before.version())
    return fail(Code::kConflict, concat("the object has been modified: ", before.describe()));
  if (!scale) return commit_locked(*rule, before, std::move(after), options);
  json::value scaled = before.doc();
  json::set(scaled, {"spec", "replicas"}, json::get_int(after, 0, "spec", "replicas"));
  return scale_of(SERIN_TRY(commit_locked(*rule, before, std::move(scaled), options)));
}

Result<void> MemoryClient::remove(const Resource& resource, const NamespacedName& name,
                                  const DeleteOptions& options) {
  SERIN_TRY(refused({"delete", resource, name, ""}));
  std::lock_guard lock(mutex_);
  Object before = SERIN_TRY(stored_locked(resource, name));
  if (!options.uid.empty() && options.uid != before.uid())
    return fail(Code::kConflict, concat(before.describe(), ": the uid precondition failed"));
  if (options.version.value != 0 && options.version != before.version())
    return fail(Code::kConflict, concat(before.describe(), ": the resourceVersion precondition failed"));
  if (options.dry_run) return {};
  json::value after = before.doc();
  int64_t grace = 0;
  std::string_view phase = json::get_string(after, "status", "phase");
  if (resource.group_resource() == "pods" && !json::get_string(after, "spec", "nodeName").empty() &&
      phase != "Succeeded" && phase != "Failed")
    grace = options.grace_seconds.value_or(
        json::get_int(after, kDefaultGraceSeconds, "spec", "terminationGracePeriodSeconds"));
  if (before.deleting())
    grace = std::min(grace, json::get_int(after, 0, "metadata", "deletionGracePeriodSeconds"));
  if (options.propagation == "Foreground") add_finalizer(after, "foregroundDeletion");
  if (options.propagation == "Orphan") add_finalizer(after, "orphan");
  if (!before.deleting()) {
    json::set(after, {"metadata", "deletionTimestamp"},
              json::value(format_time(clock_.now() + std::chrono::seconds(grace))));
    json::set(after, {"metadata", "generation"}, before.generation() + 1);
  }
  json::set(after, {"metadata", "deletionGracePeriodSeconds"}, grace);
  if (may_go(after))
    drop_locked(resource, before);
  else if (after != before.doc())
    put_locked(resource, before, std::move(after));
  return {};
}

// ---- for tests ----

void MemoryClient::before_write(std::function<Result<void>(const Call&)> hook) {
  std::lock_guard lock(mutex_);
  hook_ = std::move(hook);
}

std::vector<MemoryClient::Call> MemoryClient::take_calls() {
  std::lock_guard lock(mutex_);
  return std::exchange(calls_, {});
}

uint64_t MemoryClient::revision() const {
  std::lock_guard lock(mutex_);
  return revision_;
}

void MemoryClient::hold_watches(bool held) {
  std::lock_guard lock(mutex_);
  held_ = held;
  wake_.notify_all();
}

void MemoryClient::break_watches(Code code) {
  std::lock_guard lock(mutex_);
  ++breaks_;
  break_code_ = code;
  wake_.notify_all();
}

void MemoryClient::compact() {
  std::lock_guard lock(mutex_);
  compacted_ = revision_;
}

}  // namespace serin::client::testing
