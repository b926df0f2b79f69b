#include "kube/cel/type_mapping.h"

#include "base/strings.h"
#include "kube/cel/library.h"

namespace serin::kube::cel {
namespace {

using Kind = Type::Kind;

bool any(const Type& type) { return type.is_dyn() || type.is_error(); }

bool takes_null(const Type& type) {
  switch (type.kind) {
    case Kind::kNull:
    case Kind::kOptional:
    case Kind::kOpaque:
    case Kind::kObject:
    case Kind::kDuration:
    case Kind::kTimestamp: return true;
    default: return false;
  }
}

bool less_specific(const Type& a, const Type& b) {
  if (a.is_dyn() || a.kind == Kind::kParam) return true;
  if (b.is_dyn() || b.kind == Kind::kParam || a.kind != b.kind) return false;
  if (a.kind == Kind::kType) return true;
  if (a.name != b.name || a.params.size() != b.params.size()) return false;
  for (size_t i = 0; i < a.params.size(); ++i)
    if (!less_specific(*a.params[i], *b.params[i])) return false;
  return true;
}

bool has_variables(const Type& type) {
  if (type.kind == Kind::kParam) return true;
  for (const TypePtr& param : type.params)
    if (has_variables(*param)) return true;
  return false;
}

TypePtr renamed(const TypePtr& type, std::map<std::string, TypePtr>& names, int& next) {
  if (!has_variables(*type)) return type;
  if (type->kind == Kind::kParam) {
    TypePtr& to = names[type->name];
    if (!to) to = param_type(concat("_var", next++));
    return to;
  }
  Type copy = *type;
  for (TypePtr& param : copy.params) param = renamed(param, names, next);
  return std::make_shared<const Type>(std::move(copy));
}

}  // namespace

TypePtr TypeMapping::fresh() { return param_type(concat("_var", next_++)); }

std::pair<std::vector<TypePtr>, TypePtr> TypeMapping::instantiate(const Overload& overload) {
  std::map<std::string, TypePtr> names;
  std::vector<TypePtr> params;
  for (const TypePtr& param : overload.params) params.push_back(renamed(param, names, next_));
  return {std::move(params), renamed(overload.result, names, next_)};
}

bool TypeMapping::assignable(const TypePtr& a, const TypePtr& b) {
  size_t mark = trail_.size();
  if (assign(a, b)) return true;
  undo(mark);
  return false;
}

bool TypeMapping::assignable_all(const std::vector<TypePtr>& a, const std::vector<TypePtr>& b) {
  size_t mark = trail_.size();
  if (assign_each(a, b)) return true;
  undo(mark);
  return false;
}

bool TypeMapping::assign_each(const std::vector<TypePtr>& a, const std::vector<TypePtr>& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i)
    if (!assign(a[i], b[i])) return false;
  return true;
}

bool TypeMapping::assign(const TypePtr& a, const TypePtr& b) {
  if (b->kind == Kind::kParam) {
    auto [valid, stood] = bind(a, b);
    if (valid) return true;
    if (stood) return false;
  }
  if (a->kind == Kind::kParam) return bind(b, a).first;
  if (any(*a) || any(*b)) return true;
  if (a->kind == Kind::kNull) return takes_null(*b);
  if (b->kind == Kind::kNull) return takes_null(*a);
  if (a->kind != b->kind) return false;
  switch (a->kind) {
    case Kind::kType: return true;
    case Kind::kList:
    case Kind::kMap:
    case Kind::kOptional:
    case Kind::kOpaque: return a->name == b->name && assign_each(a->params, b->params);
    default: return a->name == b->name;
  }
}

std::pair<bool, bool> TypeMapping::bind(const TypePtr& type, const TypePtr& to) {
  if (same_type(*type, *to)) return {true, true};
  if (auto found = bound_.find(to->name); found != bound_.end()) {
    TypePtr known = found->second;
    if (same_type(*type, *known)) return {true, true};
    if (!assign(type, known)) return {false, true};
    TypePtr general = most_general(type, known);
    if (absent_from(to, general)) set(to->name, general);
    return {true, true};
  }
  if (!absent_from(to, type)) return {false, false};
  set(to->name, type);
  return {true, false};
}

bool TypeMapping::absent_from(const TypePtr& variable, const TypePtr& type) const {
  if (same_type(*variable, *type)) return false;
  if (type->kind == Kind::kParam) {
    auto found = bound_.find(type->name);
    return found == bound_.end() || absent_from(variable, found->second);
  }
  for (const TypePtr& param : type->params)
    if (!absent_from(variable, param)) return false;
  return true;
}

void TypeMapping::set(const std::string& variable, TypePtr type) {
  TypePtr& slot = bound_[variable];
  trail_.emplace_back(variable, slot);
  slot = std::move(type);
}

void TypeMapping::undo(size_t mark) {
  while (trail_.size() > mark) {
    auto& [variable, before] = trail_.back();
    if (before) bound_[variable] = before;
    else bound_.erase(variable);
    trail_.pop_back();
  }
}

TypePtr TypeMapping::substitute(const TypePtr& type, bool free_to_dyn) const {
  if (type->kind == Kind::kParam) {
    if (auto found = bound_.find(type->name); found != bound_.end()) return substitute(found->second, free_to_dyn);
    return free_to_dyn ? type_of(Kind::kDyn) : type;
  }
  if (!has_variables(*type)) return type;
  Type copy = *type;
  for (TypePtr& param : copy.params) param = substitute(param, free_to_dyn);
  return std::make_shared<const Type>(std::move(copy));
}

TypePtr TypeMapping::most_general(const TypePtr& a, const TypePtr& b) const { return less_specific(*a, *b) ? a : b; }

}  // namespace serin::kube::cel
