#include "kube/cel/type.h"

namespace serin::kube::cel {
namespace {

std::string_view plain_name(Type::Kind kind) {
  switch (kind) {
    case Type::Kind::kDyn: return "dyn";
    case Type::Kind::kError: return "!error!";
    case Type::Kind::kNull: return "null";
    case Type::Kind::kBool: return "bool";
    case Type::Kind::kInt: return "int";
    case Type::Kind::kUint: return "uint";
    case Type::Kind::kDouble: return "double";
    case Type::Kind::kString: return "string";
    case Type::Kind::kBytes: return "bytes";
    case Type::Kind::kTimestamp: return "timestamp";
    case Type::Kind::kDuration: return "duration";
    case Type::Kind::kList: return "list";
    case Type::Kind::kMap: return "map";
    case Type::Kind::kOptional: return "optional_type";
    case Type::Kind::kType: return "type";
    default: return "";
  }
}

TypePtr make(Type type) { return std::make_shared<const Type>(std::move(type)); }

}  // namespace

std::string Type::str() const {
  std::string out = name.empty() ? std::string(plain_name(kind)) : name;
  if (params.empty()) return out;
  out += '(';
  for (size_t i = 0; i < params.size(); ++i) {
    if (i > 0) out += ", ";
    out += params[i]->str();
  }
  return out + ')';
}

TypePtr type_of(Type::Kind kind) {
  static const std::vector<TypePtr> kPlain = [] {
    std::vector<TypePtr> all;
    for (int i = 0; i <= static_cast<int>(Type::Kind::kDuration); ++i)
      all.push_back(make(Type{static_cast<Type::Kind>(i), {}, {}, nullptr}));
    return all;
  }();
  auto index = static_cast<size_t>(kind);
  return index < kPlain.size() ? kPlain[index] : make(Type{kind, {}, {}, nullptr});
}

TypePtr list_type(TypePtr element) { return make(Type{Type::Kind::kList, {}, {std::move(element)}, nullptr}); }
TypePtr map_type(TypePtr key, TypePtr value) {
  return make(Type{Type::Kind::kMap, {}, {std::move(key), std::move(value)}, nullptr});
}
TypePtr optional_type(TypePtr of) { return make(Type{Type::Kind::kOptional, {}, {std::move(of)}, nullptr}); }
TypePtr type_type(TypePtr of) { return make(Type{Type::Kind::kType, {}, {std::move(of)}, nullptr}); }
TypePtr opaque_type(std::string_view name) { return make(Type{Type::Kind::kOpaque, std::string(name), {}, nullptr}); }
TypePtr param_type(std::string_view name) { return make(Type{Type::Kind::kParam, std::string(name), {}, nullptr}); }
TypePtr object_type(std::string_view name, std::shared_ptr<const FieldTypes> fields) {
  return make(Type{Type::Kind::kObject, std::string(name), {}, std::move(fields)});
}

bool same_type(const Type& a, const Type& b) {
  if (&a == &b) return true;
  if (a.kind != b.kind || a.name != b.name || a.params.size() != b.params.size()) return false;
  for (size_t i = 0; i < a.params.size(); ++i)
    if (!same_type(*a.params[i], *b.params[i])) return false;
  return true;
}

}  // namespace serin::kube::cel
