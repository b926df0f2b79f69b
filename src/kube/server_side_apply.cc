#include "base/strings.h"
#include "base/time.h"
#include "kube/field_set.h"
#include "kube/managed_fields.h"
#include "kube/schema.h"

namespace serin::kube {
namespace {

/// What nobody owns: identity and what the server itself writes.
void strip(FieldSet& set, const Schema& schema, const std::string& subresource) {
  set.drop({"f:apiVersion"});
  set.drop({"f:kind"});
  for (std::string_view name :
       {"f:name", "f:namespace", "f:creationTimestamp", "f:deletionTimestamp", "f:deletionGracePeriodSeconds",
        "f:selfLink", "f:uid", "f:generation", "f:managedFields", "f:resourceVersion"})
    set.drop({"f:metadata", name});
  if (FieldSet* metadata = set.children.contains("f:metadata") ? &set.children["f:metadata"] : nullptr) {
    metadata->self = false;
    if (metadata->children.empty()) set.children.erase("f:metadata");
  }
  // The status of a built-in kind is written through its subresource only.
  if (subresource.empty() && !schema.name.empty()) set.drop({"f:status"});
  set.self = false;
}

json::value without_bookkeeping(const json::value& object) {
  json::value copy = object;
  json::erase(copy, {"metadata", "managedFields"});
  return copy;
}

/// Nulls of a configuration say nothing where the schema knows no null.
void drop_nulls(json::value& v, const Schema& schema) {
  if (json::object* members = v.if_object()) {
    for (auto at = members->begin(); at != members->end();) {
      const Schema& inner = member_of(schema, at->key());
      if (at->value().is_null() && !inner.nullable) {
        at = members->stable_erase(at);
        continue;
      }
      drop_nulls(at->value(), inner);
      ++at;
    }
  } else if (json::array* list = v.if_array()) {
    for (json::value& item : *list) drop_nulls(item, item_of(schema));
  }
}

ManagedEntry entry_for(const Manager& manager, std::string_view operation) {
  return {manager.name, std::string(operation), manager.api_version, format_time(manager.now),
          manager.subresource, {}};
}

std::string describe(const ManagedEntry& entry) {
  std::string out = json::dump(json::value(entry.manager));
  if (!entry.subresource.empty()) out += concat(" with subresource \"", entry.subresource, "\"");
  if (!entry.applied()) out += concat(" using ", entry.api_version);
  return out;
}

Error conflict_error(const std::vector<std::pair<const ManagedEntry*, FieldSet>>& conflicts) {
  Error error{Code::kConflict, {}, {}, {}, false};
  std::string text;
  for (const auto& [entry, fields] : conflicts) {
    std::vector<std::string> paths = fields.paths();
    for (const std::string& path : paths)
      error.causes.push_back({"FieldManagerConflict", concat("conflict with ", describe(*entry)), path});
    if (!text.empty()) text += "\n";
    if (paths.size() == 1 && conflicts.size() == 1) {
      text += concat("conflict with ", describe(*entry), ": ", paths[0]);
    } else {
      text += concat("conflicts with ", describe(*entry), ":");
      for (const std::string& path : paths) text += "\n- " + path;
    }
  }
  size_t count = error.causes.size();
  error.message = concat("Apply failed with ", count, count == 1 ? " conflict: " : " conflicts: ", text);
  return error;
}

constexpr std::string_view kLastApplied = "kubectl.kubernetes.io/last-applied-configuration";

/// kubectl's own manager: its server-side apply takes over what its client-side apply has left in an annotation.
bool is_kubectl(const Manager& manager) { return manager.name == "kubectl" && manager.subresource.empty(); }

/// What an object's last client-side apply set and nobody has changed since: no conflict for kubectl.
FieldSet taken_over(const json::value& live, const Schema& schema) {
  auto last = json::parse(json::get_string(live, "metadata", "annotations", kLastApplied));
  auto set = last && last->is_object() ? fields_of(*last, schema) : Result<FieldSet>(FieldSet());
  if (!set) return {};
  Comparison since = compare(*last, live, schema);
  for (const FieldSet* changed : {&since.modified, &since.added, &since.removed}) set->subtract(*changed);
  return *std::move(set);
}

/// Keeps the annotation of client-side apply in step, where there is one.
void renew_last_applied(json::value& merged, const json::value& config) {
  if (!json::find(merged, "metadata", "annotations", kLastApplied)) return;
  json::value applied = config;
  json::erase(applied, {"metadata", "annotations", kLastApplied});
  json::set(merged, {"metadata", "annotations", kLastApplied}, json::value(json::dump_go(applied) + "\n"));
}

/// The owner of what was there before the first apply, where nobody has kept book.
ManagedEntry before_first_apply(const json::value& before, const Manager& manager, const Schema& schema) {
  ManagedEntry entry{"before-first-apply", "Update", manager.api_version, format_time(manager.now), {}, {}};
  entry.fields = compare(json::value(), before, schema).added;
  strip(entry.fields, schema, {});
  return entry;
}

/// Takes what changed from all entries but `owner`.
void take_from_others(ManagedFields& managed, const ManagedEntry& owner, const Comparison& changes) {
  FieldSet written = changes.modified;
  written.unite(changes.added);
  for (ManagedEntry& entry : managed.entries()) {
    if (entry.is(owner)) continue;
    entry.fields.subtract(written.intersect(entry.fields));
    entry.fields.subtract(changes.removed);
  }
}

}  // namespace

Result<json::value> server_side_apply(const json::value& live, const json::value& config, const Manager& manager,
                                      bool force, const Schema& schema) {
  if (!config.is_object()) return fail(Code::kBadRequest, "the applied configuration must be an object");
  if (!json::items(config, "metadata", "managedFields").empty())
    return fail(Code::kBadRequest, "metadata.managedFields must be nil");
  json::value wish = config;
  drop_nulls(wish, schema);
  const json::value before = live.is_null() ? json::value(json::object()) : without_bookkeeping(live);

  ManagedFields managed = ManagedFields::of(live);
  if (managed.entries().empty() && !live.is_null() && manager.subresource != "scale")
    managed.entries().push_back(before_first_apply(before, manager, schema));
  ManagedEntry mine = entry_for(manager, "Apply");
  mine.fields = SERIN_TRY(fields_of(wish, schema));
  strip(mine.fields, schema, manager.subresource);
  ManagedEntry* last = managed.find(mine);
  const FieldSet owned_before = last ? last->fields : FieldSet();

  json::value merged = before.get_object().empty() ? wish : merge_config(before, wish, schema);
  FieldSet kept = mine.fields;
  for (const ManagedEntry& entry : managed.entries())
    if (!entry.is(mine)) kept.unite(entry.fields);
  remove_dropped(merged, owned_before, kept, schema);

  Comparison changes = compare(before, merged, schema);
  if (!force) {
    FieldSet written = changes.modified;
    written.unite(changes.added);
    if (is_kubectl(manager)) written.subtract(taken_over(before, schema));
    std::vector<std::pair<const ManagedEntry*, FieldSet>> conflicts;
    for (const ManagedEntry& entry : managed.entries()) {
      if (entry.is(mine)) continue;
      FieldSet both = entry.fields.intersect(written);
      if (!both.empty()) conflicts.emplace_back(&entry, std::move(both));
    }
    if (!conflicts.empty()) return fail(conflict_error(conflicts));
  }
  if (changes.same() && last && last->fields == mine.fields) return live;

  take_from_others(managed, mine, changes);
  if (last) *last = std::move(mine);
  else managed.entries().push_back(std::move(mine));
  managed.tidy();
  managed.put_into(merged);
  if (is_kubectl(manager)) renew_last_applied(merged, config);
  return merged;
}

void track_update(const json::value& before, json::value& after, const Manager& manager, const Schema& schema) {
  // A writer that does not know managedFields must not delete them; one empty entry asks for exactly that.
  const json::array& given = json::items(after, "metadata", "managedFields");
  bool reset = given.size() == 1 && given[0].is_object() && given[0].get_object().empty();
  ManagedFields managed = ManagedFields::of(after);
  if (managed.entries().empty() && !reset) managed = ManagedFields::of(before);
  // Where the book was closed, it stays so until the first apply.
  if (managed.entries().empty() && before.is_object() && !before.get_object().empty()) {
    json::erase(after, {"metadata", "managedFields"});
    return;
  }

  Comparison changes = compare(before, after, schema);
  changes.removed.drop({"f:metadata", "f:managedFields"});
  for (FieldSet* set : {&changes.added, &changes.modified}) strip(*set, schema, manager.subresource);
  if (!changes.same()) {
    ManagedEntry mine = entry_for(manager, "Update");
    take_from_others(managed, mine, changes);
    FieldSet written = changes.added;
    written.unite(changes.modified);
    ManagedEntry* last = managed.find(mine);
    if (last) {
      FieldSet now = last->fields;
      now.subtract(changes.removed);
      now.unite(written);
      if (now != last->fields) last->time = mine.time;
      last->fields = std::move(now);
    } else if (!written.empty()) {
      mine.fields = std::move(written);
      managed.entries().push_back(std::move(mine));
    }
  }
  managed.tidy();
  managed.put_into(after);
}

}  // namespace serin::kube
