#include "apiserver/http/table.h"

#include <algorithm>

#include "base/strings.h"
#include "base/time.h"

namespace serin::apiserver {
namespace {

Column age_column() {
  return {"Age", "string", "", "CreationTimestamp is a timestamp representing the server time when this object was created.", 0,
          [](const json::value& doc, TimePoint now) {
            return age_cell(json::get_string(doc, "metadata", "creationTimestamp"), now);
          }};
}

std::string text_of(const json::value& v) {
  return v.is_string() ? std::string(v.get_string()) : json::dump(v);
}

/// A cell of a declared column, as the API server of Kubernetes makes it for custom resources.
json::value path_cell(const JsonPath& path, const std::string& type, const json::value& doc, TimePoint now) {
  auto found = path.find(doc);
  if (found.empty()) return nullptr;
  const json::value& first = *found[0];
  if (type == "date") return first.is_string() ? age_cell(first.get_string(), now) : json::value("<unknown>");
  if (type == "integer") {
    if (auto number = json::as_int(&first)) return *number;
    if (const json::object* map = first.if_object()) return map->size();
    return nullptr;
  }
  if (type == "number") return first.is_number() ? first : json::value();
  if (type == "boolean") return first.is_bool() ? first : json::value();
  std::string out;
  for (const json::value* v : found) out += concat(out.empty() ? "" : ",", text_of(*v));
  return json::value(out);
}

Column name_column(const ServedResource& served) {
  // kubectl says which StorageClass is the default one with its name.
  bool storage = served.resource().group == "storage.k8s.io" && served.resource().kind == "StorageClass";
  return {"Name", "string", "name", "Name must be unique within a namespace.", 0, [storage](const json::value& doc, TimePoint) {
            std::string name(json::get_string(doc, "metadata", "name"));
            bool chosen = json::get_string(doc, "metadata", "annotations", "storageclass.kubernetes.io/is-default-class") == "true";
            return json::value(storage && chosen ? name + " (default)" : name);
          }};
}

}  // namespace

json::value age_cell(std::string_view time, TimePoint now) {
  auto at = time.empty() ? std::nullopt : parse_time(time);
  return at ? json::value(format_age(std::max(now - *at, Duration::zero()))) : json::value("<unknown>");
}

TableLayout::TableLayout(const ServedResource& served) : conversion_(served.conversion) {
  if (served.crd.empty()) columns_ = computed_columns(conversion_ ? conversion_->stored : served.resource());
  bool named = std::any_of(columns_.begin(), columns_.end(), [](const Column& column) { return column.format == "name"; });
  if (!named) columns_.insert(columns_.begin(), name_column(served));
  if (columns_.size() > 1) return;
  for (const kube::PrinterColumn& declared : served.info.columns) {
    auto path = JsonPath::parse(declared.json_path);
    Column column{declared.name, declared.type, declared.format, declared.description, declared.priority, {}};
    if (path)
      column.cell = [path = *path, type = declared.type](const json::value& doc, TimePoint now) { return path_cell(path, type, doc, now); };
    else
      column.cell = [](const json::value&, TimePoint) { return json::value(); };
    columns_.push_back(std::move(column));
  }
  // A custom resource that declares columns has exactly those.
  if (served.info.columns.empty()) columns_.push_back(age_column());
}

json::value TableLayout::definitions() const {
  json::array out;
  for (const Column& c : columns_)
    out.push_back(json::object{{"name", c.name}, {"type", c.type}, {"format", c.format},
                               {"description", c.description}, {"priority", c.priority}});
  return out;
}

std::vector<json::value> TableLayout::cells(const kube::Object& object, TimePoint now) const {
  std::vector<json::value> out;
  json::value converted = conversion_ ? conversion_->to_stored(object.doc()) : json::value();
  const json::value& doc = conversion_ ? converted : object.doc();
  for (const Column& column : columns_) out.push_back(column.cell(doc, now));
  return out;
}

}  // namespace serin::apiserver
