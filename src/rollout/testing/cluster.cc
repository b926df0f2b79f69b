#include "rollout/testing/cluster.h"

#include <map>

#include "base/strings.h"
#include "base/time.h"
#include "kube/resources.h"
#include "rollout/names.h"

namespace serin::rollout::testing {
namespace {

constexpr char kNamespace[] = "demo";

const kube::Resource* const kMeshKinds[] = {&kube::kVirtualServices, &kube::kDestinationRules};

}  // namespace

/// Pods and proxies.
class Cluster::Fabric final : public client::Actor {
 public:
  explicit Fabric(Cluster& cluster) : c_(cluster) {}

  bool step(Random& random) override {
    if (next_due_ && c_.clock.now() >= *next_due_) next_due_.reset();
    else if (c_.api.revision() == seen_) return false;
    seen_ = c_.api.revision();
    next_due_.reset();
    push(random);
    pods();
    check();
    acknowledge();
    return true;
  }

  std::optional<TimePoint> next_due() const override { return next_due_; }

 private:
  struct Proxies {
    /// What proxies may have: the last one that all took over, and every one since.
    std::vector<Object> possible;
    std::optional<TimePoint> due;  ///< when all have the last of `possible`
  };

  void wake_at(TimePoint at) { next_due_ = next_due_ ? std::min(*next_due_, at) : at; }

  std::vector<Object> list(const kube::Resource& resource) {
    auto found = c_.api.list(resource);
    return found ? found->items : std::vector<Object>();
  }

  void push(Random& random) {
    for (const kube::Resource* kind : kMeshKinds) {
      for (const Object& object : list(*kind)) {
        Proxies& proxies = proxies_[object.describe()];
        if (!proxies.possible.empty() && proxies.possible.back().generation() == object.generation()) continue;
        if (proxies.possible.empty() || !c_.options_.mesh_lag) {
          proxies.possible = {object};
          if (c_.options_.mesh_lag) proxies.due = c_.clock.now();
          continue;
        }
        proxies.possible.push_back(object);
        proxies.due = c_.clock.now() + *c_.options_.mesh_lag * static_cast<int64_t>(random.next() % 100 + 1) / 100;
        report(*kind, object, "False", "1/3 proxies");
      }
    }
  }

  void acknowledge() {
    for (const kube::Resource* kind : kMeshKinds) {
      for (const Object& object : list(*kind)) {
        Proxies& proxies = proxies_[object.describe()];
        if (!proxies.due) continue;
        if (c_.clock.now() < *proxies.due) {
          wake_at(*proxies.due);
          continue;
        }
        proxies.due.reset();
        proxies.possible = {object};
        report(*kind, object, "True", "3/3 proxies");
      }
    }
  }

  void report(const kube::Resource& kind, const Object& object, const char* value, const char* message) {
    json::value status = json::object();
    json::set(status, {"observedGeneration"}, json::value(std::to_string(object.generation())));
    kube::set_condition(status, "Reconciled", value, "Test", message, c_.clock.now());
    (void)client::execute(c_.api, client::patch_status(kind, object.key(), std::move(status), "report"));
  }

  void pods() {
    for (const Object& object : list(kube::kReplicaSets)) {
      ReplicaSet set(object);
      std::vector<TimePoint>& pods = pods_[set.name()];
      while (static_cast<int64_t>(pods.size()) > set.wanted) pods.pop_back();
      while (static_cast<int64_t>(pods.size()) < set.wanted) pods.push_back(c_.clock.now() + c_.options_.pod_ready);
      int64_t ready = 0;
      bool broken = c_.broken.contains(std::string(
          json::get_string(object.doc(), "spec", "template", "metadata", "labels", "version")));
      for (TimePoint at : pods) {
        if (at > c_.clock.now()) wake_at(at);
        else if (!broken) ++ready;
      }
      available_[set.hash] = ready;
      int64_t total = static_cast<int64_t>(pods.size());
      json::value status = json::object{{"replicas", total},
                                        {"readyReplicas", ready},
                                        {"availableReplicas", ready},
                                        {"observedGeneration", object.generation()}};
      (void)client::execute(
          c_.api, client::patch_status(kube::kReplicaSets, object.key(), std::move(status), "pods"));
    }
  }

  int64_t available(const std::string& hash) const {
    int64_t total = 0;
    for (const auto& [own, count] : available_)
      if (hash.empty() || own == hash) total += count;
    return total;
  }

  /// Every mixture of configurations that a proxy may have must send each request to a pod.
  void check() {
    auto rollout = c_.api.get(kube::kRollouts, {kNamespace, "provider"});
    if (!rollout || json::get_string(rollout->doc(), "status", "stableRS").empty()) return;
    const Object none;
    for (const auto& [name, routes] : proxies_) {
      if (!name.starts_with("VirtualService")) continue;
      for (const Object& vs : routes.possible) {
        bool with_rule = false;
        for (const auto& [rule_name, rules] : proxies_) {
          if (!rule_name.starts_with("DestinationRule")) continue;
          with_rule = true;
          for (const Object& rule : rules.possible) check(vs, rule);
        }
        if (!with_rule) check(vs, none);
      }
    }
  }

  void check(const Object& vs, const Object& rule) {
    for (const json::value& route : json::items(vs.doc(), "spec", "http")) {
      const json::array& entries = json::items(route, "route");
      int64_t sum = 0;
      for (const json::value& entry : entries) {
        int64_t weight = json::get_int(entry, entries.size() == 1 ? 100 : 0, "weight");
        sum += weight;
        if (weight == 0) continue;
        std::string where;
        std::string hash = hash_of(*json::find(entry, "destination"), rule, where);
        if (available(hash) == 0) lose(concat(where, " selects ", hash, ", which has no pods"));
      }
      if (sum != 100) lose(concat("weights sum to ", sum));
    }
  }

  std::string hash_of(const json::value& destination, const Object& rule, std::string& where) {
    std::string_view subset = json::get_string(destination, "subset");
    if (!subset.empty()) {
      where = concat("subset ", subset);
      for (const json::value& one : json::items(rule.doc(), "spec", "subsets"))
        if (json::get_string(one, "name") == subset)
          return std::string(json::get_string(one, "labels", kHashLabel));
      return "(no such subset)";
    }
    where = concat("Service ", json::get_string(destination, "host"));
    auto service = c_.api.get(kube::kServices, {kNamespace, std::string(json::get_string(destination, "host"))});
    return service ? std::string(json::get_string(service->doc(), "spec", "selector", kHashLabel)) : "(no Service)";
  }

  void lose(std::string what) { c_.losses_.push_back(concat(format_time(c_.clock.now()), " ", what)); }

  Cluster& c_;
  uint64_t seen_ = 0;
  std::optional<TimePoint> next_due_;
  std::map<std::string, Proxies> proxies_;                 // by kind and name
  std::map<std::string, std::vector<TimePoint>> pods_;     // by ReplicaSet: when each becomes ready
  std::map<std::string, int64_t> available_;               // by hash
};

Cluster::Cluster(uint64_t seed, ClusterOptions options)
    : api(clock, seed), manager(clock), events(api, clock, "rollout-controller"), simulation(clock, seed),
      options_(options), fabric_(std::make_unique<Fabric>(*this)) {
  add_rollout_controller(manager, "", api, events);
  simulation.add(manager);
  simulation.add(*fabric_);
}

Cluster::~Cluster() = default;

void Cluster::create(const kube::Resource& resource, json::value doc) {
  auto created = api.create(resource, Object(std::move(doc)));
  if (!created) losses_.push_back(created.error().message);
}

void Cluster::change_rollout(const std::function<void(json::value&)>& change) {
  auto updated = api.update(kube::kRollouts, get(kube::kRollouts, "provider").edit(change));
  if (!updated) losses_.push_back(updated.error().message);
}

void Cluster::apply_template_label(const std::string& version) {
  change_rollout([&](json::value& doc) {
    json::set(doc, {"spec", "template", "metadata", "labels", "version"}, json::value(version));
  });
}

void Cluster::carry_out(const Result<std::vector<client::Write>>& writes) {
  if (!writes) {
    losses_.push_back(writes.error().message);
    return;
  }
  auto done = client::execute(api, *writes);
  if (!done) losses_.push_back(done.error().message);
}

bool Cluster::run_until(const std::function<bool()>& done, Duration limit) {
  return simulation.run_until(done, limit);
}

bool Cluster::until_phase(const std::string& phase, Duration limit) {
  return run_until(
      [&] {
        Rollout now = rollout();
        return json::get_string(now.status(), "phase") == phase &&
               json::get_string(now.status(), "observedGeneration") == std::to_string(now.object().generation());
      },
      limit);
}

bool Cluster::until_step(int64_t index, Duration limit) {
  return run_until([&] { return rollout().step_index() == index; }, limit);
}

bool Cluster::until_settled() {
  return run_until(
      [&] {
        Rollout now = rollout();
        if (json::get_string(now.status(), "phase") != "Healthy" ||
            json::get_string(now.status(), "observedGeneration") != std::to_string(now.object().generation()))
          return false;
        for (const ReplicaSet& set : sets())
          if (set.hash != now.stable_hash() && set.created > 0) return false;
        return true;
      },
      std::chrono::minutes(60));
}

Object Cluster::get(const kube::Resource& resource, const std::string& name) {
  auto found = api.get(resource, {kNamespace, name});
  return found ? *found : Object();
}

Rollout Cluster::rollout() { return Rollout(get(kube::kRollouts, "provider")); }

std::vector<ReplicaSet> Cluster::sets() {
  std::vector<ReplicaSet> sets;
  auto found = api.list(kube::kReplicaSets);
  if (found)
    for (const Object& set : found->items) sets.emplace_back(set);
  return sets;
}

ReplicaSet Cluster::set_of(const std::string& version) {
  for (const ReplicaSet& set : sets())
    if (json::get_string(set.object.doc(), "spec", "template", "metadata", "labels", "version") ==
        version)
      return set;
  return ReplicaSet(Object());
}

int64_t Cluster::weight(const std::string& place) {
  Object vs = get(kube::kVirtualServices, "provider");
  for (const json::value& route : json::items(vs.doc(), "spec", "http")) {
    if (json::get_string(route, "name") != "main") continue;
    for (const json::value& entry : json::items(route, "route"))
      if (json::get_string(entry, "destination", "subset") == place ||
          json::get_string(entry, "destination", "host") == place)
        return json::get_int(entry, 0, "weight");
  }
  return -1;
}

std::string Cluster::subset_hash(const std::string& subset) {
  Object rule = get(kube::kDestinationRules, "provider");
  for (const json::value& one : json::items(rule.doc(), "spec", "subsets"))
    if (json::get_string(one, "name") == subset) return std::string(json::get_string(one, "labels", kHashLabel));
  return "(none)";
}

std::vector<std::string> Cluster::event_reasons() {
  std::vector<std::string> reasons;
  auto found = api.list(kube::kEvents);
  if (found)
    for (const Object& event : found->items) reasons.emplace_back(json::get_string(event.doc(), "reason"));
  return reasons;
}

}  // namespace serin::rollout::testing
