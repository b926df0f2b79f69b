#include "apiserver/auth/rbac/bootstrap.h"

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <map>
#include <mutex>
#include <set>

#include "apiserver/auth/rbac/policy.h"
#include "apiserver/rest/rest.h"
#include "base/strings.h"
#include "embedded/bootstrap_policy.h"

namespace serin::apiserver::rbac {
namespace {

constexpr std::string_view kAutoUpdate = "rbac.authorization.kubernetes.io/autoupdate";
constexpr std::string_view kBootstrapping = "kubernetes.io/bootstrapping";
constexpr std::string_view kControllerPrefix = "system:controller:";

const kube::Resource kClusterRoles{kGroup, "v1", "clusterroles", "ClusterRole", false};
const kube::Resource kRoles{kGroup, "v1", "roles", "Role"};
const kube::Resource kClusterRoleBindings{kGroup, "v1", "clusterrolebindings", "ClusterRoleBinding", false};
const kube::Resource kRoleBindings{kGroup, "v1", "rolebindings", "RoleBinding"};

std::string aggregation_label(std::string_view role) { return concat("rbac.authorization.k8s.io/aggregate-to-", role); }

std::vector<std::string> list_of(std::string_view text) {
  std::vector<std::string> out;
  for (std::string_view part : split(text, ',')) out.emplace_back(part);
  return out;
}

std::vector<std::string> verbs_of(std::string_view text) {
  if (text == "read") return {"get", "list", "watch"};
  if (text == "change") return {"create", "delete", "deletecollection", "patch", "update"};
  return list_of(text);
}

Rule rule_of(const std::vector<std::string_view>& words) {
  Rule rule;
  rule.verbs = verbs_of(words.at(0));
  if (words.at(1) == "url") {
    rule.urls = list_of(words.at(2));
    return rule;
  }
  for (std::string_view group : split(words.at(1), ',')) rule.groups.emplace_back(group == "core" ? std::string_view() : group);
  rule.resources = list_of(words.at(2));
  if (words.size() > 3) rule.names = list_of(words[3].substr(std::string_view("names=").size()));
  return rule;
}

json::object subject_of(std::string_view text) {
  auto parts = cut(text, ':');
  if (parts->first == "account") {
    auto place = cut(parts->second, '/');
    return {{"kind", "ServiceAccount"}, {"name", place->second}, {"namespace", place->first}};
  }
  return {{"kind", parts->first == "user" ? "User" : "Group"}, {"apiGroup", kGroup}, {"name", parts->second}};
}

/// Reads the table; it is part of the program, so what does not parse is a broken build.
class Table {
 public:
  explicit Table(std::string_view text) {
    for (std::string_view line : split(text, '\n')) {
      std::vector<std::string_view> words;
      for (std::string_view word : split(line, ' '))
        if (!word.empty()) words.push_back(word);
      if (words.empty() || words[0].starts_with('#')) continue;
      if (line.starts_with(' ')) rules_[roles_.size() - 1].push_back(rule_of(words));
      else declare(words);
    }
    fill_in();
  }

  std::vector<BootstrapObject> objects() {
    std::vector<BootstrapObject> all = std::move(roles_);
    for (BootstrapObject& binding : bindings_) all.push_back(std::move(binding));
    return all;
  }

 private:
  static json::value object(const kube::Resource& resource, std::string_view ns, std::string_view name) {
    json::object metadata{{"name", name},
                          {"labels", json::object{{kBootstrapping, "rbac-defaults"}}},
                          {"annotations", json::object{{kAutoUpdate, "true"}}}};
    if (!ns.empty()) metadata["namespace"] = ns;
    return json::object{{"apiVersion", resource.api_version()}, {"kind", resource.kind}, {"metadata", std::move(metadata)}};
  }

  void add_role(const kube::Resource& resource, std::string_view ns, std::string_view name) {
    roles_.push_back({resource, object(resource, ns, name)});
    rules_.emplace_back();
  }

  void add_binding(std::string_view ns, std::string_view name, std::string_view role, const std::vector<std::string_view>& subjects) {
    const kube::Resource& resource = ns.empty() ? kClusterRoleBindings : kRoleBindings;
    BootstrapObject binding{resource, object(resource, ns, name)};
    json::array list;
    for (std::string_view subject : subjects) list.push_back(subject_of(subject));
    binding.doc.as_object()["subjects"] = std::move(list);
    binding.doc.as_object()["roleRef"] = json::object{{"apiGroup", kGroup}, {"kind", ns.empty() ? "ClusterRole" : "Role"}, {"name", role}};
    bindings_.push_back(std::move(binding));
  }

  void declare(const std::vector<std::string_view>& words) {
    if (words[0] == "clusterrole") {
      add_role(kClusterRoles, {}, words[1]);
      json::value& doc = roles_.back().doc;
      for (size_t i = 2; i < words.size(); ++i) {
        auto option = cut(words[i], '=');
        std::string label = aggregation_label(option->second);
        if (option->first == "to") json::set(doc, {"metadata", "labels", label}, "true");
        else
          doc.as_object()["aggregationRule"] =
              json::object{{"clusterRoleSelectors", json::array{json::object{{"matchLabels", json::object{{label, "true"}}}}}}};
      }
    } else if (words[0] == "controller") {
      std::string role = concat(kControllerPrefix, words[1]), account = concat("account:kube-system/", words[1]);
      add_role(kClusterRoles, {}, role);
      add_binding({}, role, role, {account});
    } else if (words[0] == "role") {
      add_role(kRoles, words[1], words[2]);
    } else if (auto place = cut(words[1], '/'); place) {
      add_binding(place->first, place->second, words[2], {words.begin() + 3, words.end()});
    } else {
      add_binding({}, words[1], words[1], {words.begin() + 2, words.end()});
    }
  }

  /// Rules into the documents; aggregated roles, which stand after what they sum only at the second look, in the end.
  void fill_in() {
    for (size_t i = 0; i < roles_.size(); ++i) roles_[i].doc.as_object()["rules"] = write_rules(rules_[i]);
    for (int level = 0; level < kAggregationLevels; ++level) {
      std::vector<RolePtr> parsed;
      for (const BootstrapObject& role : roles_) parsed.push_back(std::make_shared<const Role>(Role::read(role.doc)));
      for (size_t i = 0; i < roles_.size(); ++i)
        if (!parsed[i]->aggregates.empty()) roles_[i].doc.as_object()["rules"] = write_rules(aggregated_rules(*parsed[i], parsed));
    }
  }

  static constexpr int kAggregationLevels = 3;  // view in edit in admin
  std::vector<BootstrapObject> roles_, bindings_;
  std::vector<std::vector<Rule>> rules_;  // of roles_[i]
};

void add_missing_members(const json::value& wanted, json::value& live, json::Path path) {
  const json::value* from = json::find_at(wanted, path);
  if (!from || !from->is_object()) return;
  for (const auto& [key, value] : from->get_object()) {
    json::object& to = json::ensure_object(live, path);
    if (!to.contains(key)) to[key] = value;
  }
}

bool same_subject(const json::value& a, const json::value& b) {
  for (auto member : {"kind", "name", "namespace"})
    if (json::get_string(a, member) != json::get_string(b, member)) return false;
  return true;
}

/// Counts writes on their way.
class Pending {
 public:
  Done one() {
    std::lock_guard lock(mutex_);
    ++left_;
    return [this](Result<Outcome> outcome) {
      std::lock_guard lock(mutex_);
      // Somebody else may have been faster; what they wrote stays.
      if (!outcome && outcome.error().code != Code::kAlreadyExists && outcome.error().code != Code::kConflict) error_ = outcome.error();
      --left_;
      done_.notify_all();
    };
  }
  Result<void> wait() {
    std::unique_lock lock(mutex_);
    done_.wait(lock, [&] { return left_ == 0; });
    if (error_) return fail(*error_);
    return {};
  }

 private:
  std::mutex mutex_;
  std::condition_variable done_;
  int left_ = 0;                // guarded by mutex_
  std::optional<Error> error_;  // guarded by mutex_
};

}  // namespace

const std::vector<BootstrapObject>& bootstrap_objects() {
  static const std::vector<BootstrapObject> objects = Table(embedded::bootstrap_policy()[0].bytes).objects();
  return objects;
}

json::value with_missing(const BootstrapObject& wanted, const json::value& live) {
  if (json::get_string(live, "metadata", "annotations", kAutoUpdate) == "false") return live;
  json::value out = live;
  add_missing_members(wanted.doc, out, {"metadata", "labels"});
  add_missing_members(wanted.doc, out, {"metadata", "annotations"});
  if (const json::value* subjects = json::find(wanted.doc, "subjects")) {
    json::array all = json::items(out, "subjects");
    for (const json::value& subject : subjects->get_array())
      if (std::none_of(all.begin(), all.end(), [&](const json::value& one) { return same_subject(one, subject); })) all.push_back(subject);
    if (all.size() != json::items(out, "subjects").size()) out.as_object()["subjects"] = std::move(all);
    return out;
  }
  if (const json::value* aggregation = json::find(wanted.doc, "aggregationRule")) {
    json::array selectors = json::items(out, "aggregationRule", "clusterRoleSelectors");
    for (const json::value& selector : json::items(*aggregation, "clusterRoleSelectors"))
      if (std::find(selectors.begin(), selectors.end(), selector) == selectors.end()) selectors.push_back(selector);
    if (selectors.size() != json::items(out, "aggregationRule", "clusterRoleSelectors").size())
      json::set(out, {"aggregationRule", "clusterRoleSelectors"}, std::move(selectors));
    return out;
  }
  std::vector<Rule> rules = read_rules(out);
  std::vector<Rule> missing = not_covered(rules, read_rules(wanted.doc));
  if (missing.empty()) return out;
  rules.insert(rules.end(), missing.begin(), missing.end());
  out.as_object()["rules"] = write_rules(rules);
  return out;
}

Result<void> ensure_bootstrap_policy(Rest& rest, const std::shared_ptr<LogicalCluster>& cluster) {
  client::WriteOptions options;
  options.field_manager = "serin";
  Pending pending;
  CatalogPtr catalog = cluster->catalog();
  for (const BootstrapObject& wanted : bootstrap_objects()) {
    kube::NamespacedName name{std::string(json::get_string(wanted.doc, "metadata", "namespace")),
                              std::string(json::get_string(wanted.doc, "metadata", "name"))};
    Target target{cluster, catalog->find(wanted.resource.group, wanted.resource.version, wanted.resource.plural), name, {}};
    EntryPtr entry = rest.store().get(target.collection(), name);
    if (!entry) {
      rest.create(std::move(target), wanted.doc, options, pending.one());
      continue;
    }
    auto live = json::parse(entry->bytes);
    if (!live) continue;
    json::value next = with_missing(wanted, *live);
    if (next != *live) rest.update(std::move(target), std::move(next), options, pending.one());
  }
  return pending.wait();
}

}  // namespace serin::apiserver::rbac
