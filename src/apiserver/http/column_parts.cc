#include "apiserver/http/column_parts.h"

#include <algorithm>
#include <map>

#include "base/strings.h"
#include "kube/selector.h"

namespace serin::apiserver::columns {

Column text(std::string name, Text make, int priority) {
  return {std::move(name), "string", "", "", priority,
          [make = std::move(make)](const json::value& doc, TimePoint) { return json::value(make(doc)); }};
}

Column number(std::string name, std::function<int64_t(const json::value&)> make, int priority) {
  return {std::move(name), "integer", "", "", priority,
          [make = std::move(make)](const json::value& doc, TimePoint) { return json::value(make(doc)); }};
}

const json::value* at(const json::value& doc, const std::vector<std::string>& path) {
  const json::value* found = &doc;
  for (const std::string& name : path)
    if (found) found = json::find(*found, name);
  return found;
}

Column text_at(std::string name, std::vector<std::string> path, std::string otherwise, int priority) {
  return text(std::move(name), [path = std::move(path), otherwise = std::move(otherwise)](const json::value& doc) {
    const json::value* found = at(doc, path);
    if (!found || found->is_null()) return otherwise;
    std::string shown = found->is_string() ? std::string(json::as_string(found)) : json::dump(*found);
    return shown.empty() ? otherwise : shown;
  }, priority);
}

Column number_at(std::string name, std::vector<std::string> path) {
  return number(std::move(name), [path = std::move(path)](const json::value& doc) { return json::as_int(at(doc, path)).value_or(0); });
}

Column age() {
  return {"Age", "string", "", "", 0, [](const json::value& doc, TimePoint now) {
            return age_cell(json::get_string(doc, "metadata", "creationTimestamp"), now);
          }};
}

Column created_at() {
  return {"Created At", "date", "", "", 0, [](const json::value& doc, TimePoint) {
            return json::value(json::get_string(doc, "metadata", "creationTimestamp"));
          }};
}

void add_template_columns(Columns& columns, std::vector<std::string> path, bool selector, int priority) {
  for (auto [title, member] : {std::pair{"Containers", "name"}, {"Images", "image"}})
    columns.push_back(text(title, [path, member = std::string(member)](const json::value& doc) {
      const json::value* pod_template = at(doc, path);
      return pod_template ? joined(json::items(*pod_template, "spec", "containers"), member) : std::string();
    }, priority));
  if (!selector) return;
  std::vector<std::string> where = path;
  where.back() = "selector";
  columns.push_back(text("Selector", [where](const json::value& doc) { return selector_text(at(doc, where)); }, priority));
}

std::string or_none(std::string_view value) { return value.empty() ? "<none>" : std::string(value); }

std::string joined(const json::array& items, std::string_view member) {
  std::string out;
  for (const json::value& item : items) {
    std::string_view value = member.empty() ? json::as_string(&item) : json::get_string(item, member);
    out += concat(out.empty() ? "" : ",", value);
  }
  return out;
}

std::string map_text(const json::value* map) {
  std::map<std::string, std::string> sorted;
  if (const json::object* members = map ? map->if_object() : nullptr)
    for (const auto& [key, value] : *members) sorted.emplace(key, json::as_string(&value));
  std::string out;
  for (const auto& [key, value] : sorted) out += concat(out.empty() ? "" : ",", key, '=', value);
  return or_none(out);
}

std::string selector_text(const json::value* selector) {
  const json::object* members = selector ? selector->if_object() : nullptr;
  if (!members || members->empty()) return "<none>";
  bool labels = members->contains("matchLabels") || members->contains("matchExpressions");
  auto parsed = labels ? kube::LabelSelector::from_object(selector) : kube::LabelSelector::from_map(selector);
  return parsed ? or_none(parsed->str()) : "<error>";
}

std::string some_of(const std::vector<std::string>& items, size_t shown, std::string_view separator) {
  if (items.size() <= shown) return join(items, separator);
  std::vector<std::string> first(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(shown));
  return concat(join(first, separator), " + ", items.size() - shown, " more...");
}

std::string access_modes(const json::array& modes) {
  std::vector<std::string> out;
  for (auto [mode, shown] : {std::pair{"ReadWriteOnce", "RWO"}, {"ReadOnlyMany", "ROX"}, {"ReadWriteMany", "RWX"}, {"ReadWriteOncePod", "RWOP"}})
    if (std::any_of(modes.begin(), modes.end(), [&](const json::value& m) { return json::as_string(&m) == mode; })) out.push_back(shown);
  return join(out, ",");
}

}  // namespace serin::apiserver::columns
