#pragma once

/// The types of CEL expressions. Immutable values, shared; safe from any thread.

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace serin::kube::cel {

struct Type;
using TypePtr = std::shared_ptr<const Type>;

/// The members an object type declares, by the name that expressions use.
using FieldTypes = std::map<std::string, TypePtr, std::less<>>;

struct Type {
  enum class Kind {
    kDyn, kError, kNull, kBool, kInt, kUint, kDouble, kString, kBytes, kTimestamp, kDuration,
    kList,      ///< params[0]: elements
    kMap,       ///< params[0]: keys, params[1]: values
    kOptional,  ///< params[0]
    kType,      ///< params[0], where it is known: the type that a value of this type names
    kObject,    ///< `name` is its identity, `fields` what it declares
    kOpaque,    ///< a library's type, such as kubernetes.Quantity
    kParam,     ///< a type variable
  };
  Kind kind = Kind::kDyn;
  std::string name;
  std::vector<TypePtr> params;
  std::shared_ptr<const FieldTypes> fields;

  /// As compile errors show it: "list(string)", "map(string, int)".
  std::string str() const;
  bool is_dyn() const { return kind == Kind::kDyn; }
  bool is_error() const { return kind == Kind::kError; }
};

TypePtr type_of(Type::Kind kind);
TypePtr list_type(TypePtr element);
TypePtr map_type(TypePtr key, TypePtr value);
TypePtr optional_type(TypePtr of);
TypePtr type_type(TypePtr of);
TypePtr opaque_type(std::string_view name);
TypePtr param_type(std::string_view name);
TypePtr object_type(std::string_view name, std::shared_ptr<const FieldTypes> fields);

/// The very same type, parameters included.
bool same_type(const Type& a, const Type& b);

}  // namespace serin::kube::cel
