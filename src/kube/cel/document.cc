// JSON documents as expressions see them, under a schema (k8s.io/apiserver/pkg/cel/common, UnstructuredToVal).

#include <algorithm>

#include "base/strings.h"
#include "base/time.h"
#include "kube/cel/escape.h"
#include "kube/cel/library.h"
#include "kube/cel/value.h"
#include "kube/schema.h"

namespace serin::kube::cel {
namespace {

using Kind = Value::Kind;

/// The schema of a resource's metadata as rules see it.
const SchemaPtr& visible_metadata() {
  static const SchemaPtr kMetadata = [] {
    auto text = std::make_shared<Schema>();
    text->type = SchemaType::kString;
    auto schema = std::make_shared<Schema>();
    schema->type = SchemaType::kObject;
    schema->fields = {{"name", text, 0, 0}, {"generateName", text, 0, 0}};
    return SchemaPtr(std::move(schema));
  }();
  return kMetadata;
}

class JsonMap final : public Map {
 public:
  JsonMap(const json::object& object, const Schema* schema, bool resource) : object_(object), schema_(schema), resource_(resource) {}

  size_t size() const override { return object_.size(); }
  bool declared() const override { return schema_; }

  std::vector<Value> keys() const override {
    std::vector<Value> all;
    for (const auto& [name, member] : object_) {
      if (!schema_ || is_map()) {
        all.push_back(Value::borrowed(name));
      } else if (const Schema* inner = member_schema(name)) {
        if (auto escaped = escape_name(name); inner && escaped) all.push_back(Value::string(*std::move(escaped)));
      }
    }
    return all;
  }

  std::optional<Value> find(const Value& key) const override {
    if (!key.is(Kind::kString)) return std::nullopt;
    std::string_view name = key.text();
    std::optional<std::string> plain;
    if (schema_ && !is_map() && name.find("__") != std::string_view::npos) {
      plain = unescape_name(name);
      if (!plain) return std::nullopt;
      name = *plain;
    }
    const json::value* member = object_.if_contains(name);
    if (!member) return std::nullopt;
    if (!schema_) return from_json(*member, nullptr);
    const Schema* inner = member_schema(name);
    if (!inner || (member->is_null() && !is_map())) return std::nullopt;  // null is as good as absent
    return from_json(*member, inner);
  }

  /// Members that the schema does not show are compared as JSON.
  std::optional<Value> equals(const Value& other) const override {
    const auto* that = dynamic_cast<const JsonMap*>(&other.map());
    if (!that || !schema_ || is_map()) return std::nullopt;
    if (object_.size() != that->object_.size()) return Value::boolean(false);
    for (const auto& [name, member] : object_) {
      const json::value* theirs = that->object_.if_contains(name);
      const Schema* inner = member_schema(name);
      if (!theirs) {
        if (inner) return Value::boolean(false);
        continue;
      }
      Value same = inner ? equal(from_json(member, inner), from_json(*theirs, inner)) : Value::boolean(member == *theirs);
      if (!same.is_true()) return same;
    }
    return Value::boolean(true);
  }

 private:
  bool is_map() const { return schema_->values && schema_->fields.empty(); }
  const Schema* member_schema(std::string_view name) const {
    if (resource_ && name == "metadata") return visible_metadata().get();
    if (const Field* field = schema_->field(name)) return field->schema.get();
    return is_map() ? schema_->values.get() : nullptr;
  }

  const json::object& object_;
  const Schema* schema_;
  bool resource_;
};

class JsonList final : public List {
 public:
  JsonList(const json::array& array, const Schema* schema) : array_(array), schema_(schema) {}

  size_t size() const override { return array_.size(); }
  bool declared() const override { return schema_; }
  Value at(size_t i) const override { return from_json(array_[i], schema_ ? schema_->items.get() : nullptr); }

  std::optional<Value> equals(const Value& other) const override {
    if (!unordered()) return std::nullopt;
    if (other.list().size() != size()) return Value::boolean(false);
    std::map<std::string, size_t> mine = index();
    for (size_t i = 0; i < other.list().size(); ++i) {
      Value theirs = other.list().at(i);
      auto found = mine.find(identity_of(theirs));
      if (found == mine.end()) return Value::boolean(false);
      Value same = equal(at(found->second), theirs);
      if (!same.is_true()) return same;
    }
    return Value::boolean(true);
  }

  /// What is on both sides keeps its place; under a key the right side's element replaces the left one's.
  std::optional<Value> plus(const Value& other) const override {
    if (!unordered()) return std::nullopt;
    std::vector<Value> all;
    for (size_t i = 0; i < size(); ++i) all.push_back(at(i));
    std::map<std::string, size_t> known = index();
    for (size_t i = 0; i < other.list().size() && i < kMaxText; ++i) {
      Value theirs = other.list().at(i);
      auto [slot, added] = known.emplace(identity_of(theirs), all.size());
      if (added) all.push_back(theirs);
      else all[slot->second] = theirs;
    }
    return Value::list(std::move(all));
  }

 private:
  bool unordered() const { return schema_ && schema_->list_type != ListType::kAtomic; }

  std::map<std::string, size_t> index() const {
    std::map<std::string, size_t> all;
    for (size_t i = 0; i < size(); ++i) all.emplace(identity_of(at(i)), i);
    return all;
  }

  /// What tells an element from the others: itself in a set, its keys in a keyed list.
  std::string identity_of(const Value& element) const {
    if (schema_->list_type == ListType::kSet || !element.is(Kind::kMap)) return identity(element);
    std::string out;
    for (const std::string& key : schema_->list_keys) {
      auto name = escape_name(key);
      auto part = element.map().find(Value::string(name ? *name : key));
      out += part ? identity(*part) : "-";
    }
    return out;
  }

  const json::array& array_;
  const Schema* schema_;
};

Value wrap_map(const json::object& object, const Schema* schema, bool resource) {
  return Value::map(std::shared_ptr<const Map>(std::make_shared<const JsonMap>(object, schema, resource)));
}
Value wrap_list(const json::array& array, const Schema* schema) {
  return Value::list(std::shared_ptr<const List>(std::make_shared<const JsonList>(array, schema)));
}

Value plain(const json::value& v) {
  switch (v.kind()) {
    case json::kind::null: return Value::null();
    case json::kind::bool_: return Value::boolean(v.get_bool());
    case json::kind::int64: return Value::integer(v.get_int64());
    case json::kind::uint64: return Value::uinteger(v.get_uint64());
    case json::kind::double_: return Value::real(v.get_double());
    case json::kind::string: return Value::borrowed(v.get_string());
    case json::kind::array: return wrap_list(v.get_array(), nullptr);
    case json::kind::object: return wrap_map(v.get_object(), nullptr, false);
  }
  return Value::null();
}

Value wrong(std::string_view expected) { return Value::error(concat("invalid data, expected ", expected)); }

Value formatted(std::string_view text, const Schema& schema) {
  if (schema.format == "duration") {
    auto span = parse_duration(text);
    return span ? Value::duration(span->count()) : Value::error(concat("Invalid duration ", text));
  }
  if (schema.format == "date-time") {
    Value time = timestamp_of(text);
    return time.is_error() ? Value::error(concat("Invalid date-time formatted string ", text)) : time;
  }
  if (schema.format == "date") {
    Value time = timestamp_of(concat(text, "T00:00:00Z"));
    return time.is_error() ? Value::error(concat("Invalid date formatted string ", text)) : time;
  }
  if (schema.format == "byte") {
    auto bytes = base64_decode(text);
    return bytes ? Value::bytes(*std::move(bytes)) : Value::error(concat("Invalid byte formatted string ", text));
  }
  return Value::borrowed(text);
}

}  // namespace

Value from_json(const json::value& v, const Schema* schema) {
  if (!schema) return plain(v);
  if (v.is_null()) {
    bool allowed = schema->nullable || !schema->name.empty();
    return allowed ? Value::null() : Value::error("invalid data, got null for schema with nullable=false");
  }
  switch (schema->type) {
    case SchemaType::kIntOrString:
      if (v.is_string()) return Value::borrowed(v.get_string());
      if (auto n = json::as_int(&v)) return Value::integer(*n);
      return wrong("XIntOrString value to be either a string or integer");
    case SchemaType::kObject:
      if (!v.is_object()) return wrong("a map for the provided schema with type=object");
      return wrap_map(v.get_object(), schema, schema->embedded_resource);
    case SchemaType::kArray:
      if (!v.is_array()) return wrong("an array for the provided schema with type=array");
      return wrap_list(v.get_array(), schema);
    case SchemaType::kString: return v.is_string() ? formatted(v.get_string(), *schema) : wrong("string");
    case SchemaType::kNumber: return v.is_number() ? Value::real(v.to_number<double>()) : wrong("float");
    case SchemaType::kInteger:
      if (auto n = json::as_int(&v)) return Value::integer(*n);
      return wrong("int");
    case SchemaType::kBoolean: return v.is_bool() ? Value::boolean(v.get_bool()) : wrong("bool");
    case SchemaType::kAny: return Value::unknown(v);
  }
  return Value::unknown(v);
}

Value from_resource(const json::value& v, const Schema& schema) {
  if (!v.is_object()) return wrong("a map for the provided schema with type=object");
  return wrap_map(v.get_object(), &schema, true);
}

}  // namespace serin::kube::cel
