#pragma once

/// What type variables stand for while an expression is checked: unification as CEL's reference checker does it.

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "kube/cel/type.h"

namespace serin::kube::cel {

struct Overload;

class TypeMapping {
 public:
  /// A type variable that nothing is known about yet.
  TypePtr fresh();
  /// An overload's parameters and result with fresh variables in place of its own.
  std::pair<std::vector<TypePtr>, TypePtr> instantiate(const Overload& overload);

  /// Whether a value of type `a` may stand where `b` is wanted. Where it may, variables are bound so that it does.
  bool assignable(const TypePtr& a, const TypePtr& b);
  bool assignable_all(const std::vector<TypePtr>& a, const std::vector<TypePtr>& b);

  /// With what the variables stand for. Variables that stand for nothing stay, or become dyn.
  TypePtr substitute(const TypePtr& type, bool free_to_dyn) const;
  /// Of two types that are assignable to one another.
  TypePtr most_general(const TypePtr& a, const TypePtr& b) const;

 private:
  bool assign(const TypePtr& a, const TypePtr& b);
  bool assign_each(const std::vector<TypePtr>& a, const std::vector<TypePtr>& b);
  /// Whether `to`, a variable, may stand for `type`; and whether it stood for something before.
  std::pair<bool, bool> bind(const TypePtr& type, const TypePtr& to);
  bool absent_from(const TypePtr& variable, const TypePtr& type) const;
  void set(const std::string& variable, TypePtr type);
  void undo(size_t mark);

  std::map<std::string, TypePtr> bound_;
  std::vector<std::pair<std::string, TypePtr>> trail_;  ///< what to put back, so that a failed attempt leaves nothing
  int next_ = 0;
};

}  // namespace serin::kube::cel
