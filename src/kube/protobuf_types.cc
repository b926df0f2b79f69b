#include "kube/protobuf_types.h"

#include <algorithm>
#include <memory>
#include <unordered_map>

#include "base/strings.h"

namespace serin::kube {
namespace {

using Kind = MessageField::Kind;
using Shape = MessageField::Shape;

constexpr std::string_view kShared[] = {"APIGroup", "APIGroupList", "APIResourceList",       "APIVersions",
                                        "DeleteOptions", "List",    "PartialObjectMetadata", "PartialObjectMetadataList",
                                        "Status"};
/// Bodies of subresources, which are no resources themselves.
constexpr std::pair<std::string_view, std::string_view> kBodies[] = {
    {"autoscaling/v1", "autoscaling/v1.Scale"}, {"policy/v1", "policy/v1.Eviction"},
    {"authentication.k8s.io/v1", "authentication/v1.TokenRequest"}};

using TypeKey = std::pair<std::string, std::string>;

class Registry {
 public:
  Registry() {
    for (std::string_view name : kShared)
      if (SchemaPtr schema = builtin_type(concat("meta/v1.", name))) shared_.emplace(name, compiled(*schema));
    for (const auto& [api_version, name] : kBodies)
      if (SchemaPtr schema = builtin_type(name)) kinds_[{std::string(api_version), std::string(cut(name, '.')->second)}] = compiled(*schema);
    const MessageType* list_meta = compiled(*builtin_type("meta/v1.ListMeta"));
    for (const ResourceInfo& info : builtin_resources()) {
      const MessageType* one = compiled(*info.schema);
      std::string api_version = info.resource.api_version();
      kinds_[{api_version, info.resource.kind}] = one;
      if (std::find(info.verbs.begin(), info.verbs.end(), "list") == info.verbs.end()) continue;
      auto list = std::make_unique<MessageType>();
      list->fields = {{"metadata", 1, Kind::kMessage, Shape::kValue, list_meta}, {"items", 2, Kind::kMessage, Shape::kList, one}};
      kinds_[{api_version, info.list_kind}] = list.get();
      made_.push_back(std::move(list));
    }
  }

  const MessageType* find(std::string_view api_version, std::string_view kind) const {
    if (auto at = kinds_.find(TypeKey(api_version, kind)); at != kinds_.end()) return at->second;
    auto at = shared_.find(kind);
    return at == shared_.end() ? nullptr : at->second;
  }

  const std::map<TypeKey, const MessageType*>& kinds() const { return kinds_; }

 private:
  const MessageType* compiled(const Schema& schema) {
    auto [at, fresh] = by_schema_.try_emplace(&schema);
    if (!fresh) return at->second;
    made_.push_back(std::make_unique<MessageType>());
    MessageType* type = made_.back().get();
    at->second = type;  // taken first: types may refer to themselves
    std::map<int, std::vector<MessageField>> inlined;
    for (const Field& field : schema.fields) {
      if (field.proto_number == 0) continue;
      MessageField out = compiled(field);
      if (field.proto_parent == 0) type->fields.push_back(std::move(out));
      else inlined[field.proto_parent].push_back(std::move(out));
    }
    for (auto& [number, fields] : inlined) {
      made_.push_back(std::make_unique<MessageType>());
      MessageType* inner = made_.back().get();
      inner->fields = std::move(fields);
      sort(*inner);
      type->fields.push_back({"", number, Kind::kInlined, Shape::kValue, inner});
    }
    sort(*type);
    return type;
  }

  MessageField compiled(const Field& field) {
    MessageField out{field.name, field.proto_number, Kind::kString, field.pointer ? Shape::kPointer : Shape::kValue, nullptr};
    const Schema* value = field.schema.get();
    if (value->type == SchemaType::kArray && value->format != "item-list") {
      out.shape = Shape::kList;
      value = value->items.get();
    } else if (value->type == SchemaType::kObject && value->values) {
      out.shape = Shape::kMap;
      value = value->values.get();
    }
    out.kind = kind_of(*value);
    if (out.kind == Kind::kMessage) out.message = compiled(*value);
    if (out.kind >= Kind::kSchemaOrBool) out.message = compiled(*builtin_type("apiextensions/v1.JSONSchemaProps"));
    return out;
  }

  static Kind kind_of(const Schema& schema) {
    static const std::unordered_map<std::string_view, Kind> kFormats = {
        {"byte", Kind::kBytes},           {"int32", Kind::kInt32},        {"date-time", Kind::kTime},
        {"micro-time", Kind::kMicroTime}, {"duration", Kind::kDuration},  {"quantity", Kind::kQuantity},
        {"raw", Kind::kEmbedded},         {"fields-v1", Kind::kEmbedded}, {"json", Kind::kEmbedded},
        {"item-list", Kind::kStrings},    {"schema-or-bool", Kind::kSchemaOrBool},
        {"schema-or-array", Kind::kSchemaOrArray}, {"schema-or-strings", Kind::kSchemaOrStrings}};
    if (auto at = kFormats.find(schema.format); at != kFormats.end()) return at->second;
    switch (schema.type) {
      case SchemaType::kInteger: return Kind::kInt64;
      case SchemaType::kNumber: return Kind::kDouble;
      case SchemaType::kBoolean: return Kind::kBool;
      case SchemaType::kIntOrString: return Kind::kIntOrString;
      case SchemaType::kObject: return Kind::kMessage;
      default: return Kind::kString;
    }
  }

  static void sort(MessageType& type) {
    std::sort(type.fields.begin(), type.fields.end(), [](const auto& a, const auto& b) { return a.number < b.number; });
  }

  std::unordered_map<const Schema*, const MessageType*> by_schema_;
  std::vector<std::unique_ptr<MessageType>> made_;
  std::map<TypeKey, const MessageType*> kinds_;
  std::map<std::string, const MessageType*, std::less<>> shared_;
};

const Registry& registry() {
  static const Registry kRegistry;
  return kRegistry;
}

}  // namespace

const MessageField* MessageType::field(int number) const {
  auto at = std::lower_bound(fields.begin(), fields.end(), number, [](const auto& field, int n) { return field.number < n; });
  return at != fields.end() && at->number == number ? &*at : nullptr;
}

const MessageType* message_type(std::string_view api_version, std::string_view kind) { return registry().find(api_version, kind); }

std::vector<std::pair<std::string, std::string>> message_kinds() {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& [key, type] : registry().kinds()) out.push_back(key);
  for (std::string_view name : kShared)
    out.emplace_back(name.starts_with("Partial") ? "meta.k8s.io/v1" : "v1", name);
  return out;
}

}  // namespace serin::kube
