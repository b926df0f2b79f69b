#pragma once

/// Label and field selectors. Pure.

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "data/json.h"

namespace serin::kube {

/// A conjunction of label requirements; an empty one selects everything.
class LabelSelector {
 public:
  enum class Operator { kIn, kNotIn, kExists, kDoesNotExist };
  struct Requirement {
    std::string key;
    Operator op;
    std::vector<std::string> values;
  };

  /// The query form: "a=b,c!=d,e in (f,g),h notin (i),j,!k".
  static Result<LabelSelector> parse(std::string_view text);
  /// The object form: matchLabels and matchExpressions. A missing selector (null) selects nothing, an empty
  /// one everything, as metav1.LabelSelectorAsSelector has it.
  static Result<LabelSelector> from_object(const json::value* selector);
  /// Equality on every member of a map, as Service selectors have it. An empty or missing map selects nothing.
  static LabelSelector from_map(const json::value* labels);
  static LabelSelector nothing();

  /// `labels` is metadata.labels, or null.
  bool matches(const json::value* labels) const;
  bool empty() const { return !nothing_ && requirements_.empty(); }
  const std::vector<Requirement>& requirements() const { return requirements_; }
  /// The query form, requirements sorted by key.
  std::string str() const;

 private:
  std::vector<Requirement> requirements_;
  bool nothing_ = false;
};

/// "metadata.name=x,status.phase!=Running": field paths compared as text.
class FieldSelector {
 public:
  struct Term {
    std::string field, value;
    bool equal = true;
  };
  static Result<FieldSelector> parse(std::string_view text);
  /// A missing field reads as "".
  bool matches(const json::value& doc) const;
  bool empty() const { return terms_.empty(); }
  const std::vector<Term>& terms() const { return terms_; }
  std::string str() const;

 private:
  std::vector<Term> terms_;
};

}  // namespace serin::kube
