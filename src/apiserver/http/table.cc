#include "apiserver/http/table.h"

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

}  // namespace

json::value age_cell(std::string_view time, TimePoint now) {
  auto at = time.empty() ? std::nullopt : parse_time(time);
  return at ? json::value(format_age(std::max(now - *at, Duration::zero()))) : json::value("<unknown>");
}

TableLayout::TableLayout(const ServedResource& served) {
  columns_.push_back({"Name", "string", "name", "Name must be unique within a namespace.", 0,
                      [](const json::value& doc, TimePoint) { return json::value(json::get_string(doc, "metadata", "name")); }});
  std::vector<Column> computed = served.crd.empty() ? computed_columns(served.resource()) : std::vector<Column>();
  if (!computed.empty()) {
    for (Column& column : computed) columns_.push_back(std::move(column));
    return;
  }
  std::vector<Column> wide;
  bool has_age = true;
  for (const kube::PrinterColumn& declared : served.info.columns) {
    auto path = JsonPath::parse(declared.json_path);
    Column column{declared.name, declared.type, declared.format, declared.description, declared.priority, {}};
    if (served.crd.empty() && column.type == "date") column.type = "string";
    if (served.crd.empty() && declared.json_path == ".metadata.creationTimestamp") {
      // "Created At" shows the time itself, in place of an age.
      has_age = false;
      column.cell = [](const json::value& doc, TimePoint) { return json::value(json::get_string(doc, "metadata", "creationTimestamp")); };
    } else if (path)
      column.cell = [path = *path, type = declared.type](const json::value& doc, TimePoint now) { return path_cell(path, type, doc, now); };
    else
      column.cell = [](const json::value&, TimePoint) { return json::value(); };
    (served.crd.empty() && declared.priority > 0 ? wide : columns_).push_back(std::move(column));
  }
  // A custom resource that declares columns has exactly those.
  if (served.crd.empty() ? has_age : served.info.columns.empty()) columns_.push_back(age_column());
  for (Column& column : wide) columns_.push_back(std::move(column));
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
  for (const Column& column : columns_) out.push_back(column.cell(object.doc(), now));
  return out;
}

}  // namespace serin::apiserver
