#pragma once

/// What expressions may know of data under a schema: its type, and bounds on its size (k8s.io/apiserver/pkg/cel/common,
/// SchemaDeclType).
///
/// Object types have the declared members only, under their escaped names; unknown members that are preserved stay out of
/// sight, and so does whatever has no type. An int-or-string is dyn. Strings with the formats byte, duration, date and
/// date-time are bytes, durations and timestamps.

#include <map>
#include <memory>

#include "kube/cel/cost.h"
#include "kube/cel/type.h"
#include "kube/schema.h"

namespace serin::kube::cel {

/// The largest request, which bounds what no schema bounds.
inline constexpr int64_t kMaxRequestBytes = 3 * 1024 * 1024;

struct Declared {
  TypePtr type;
  SizesPtr sizes;
  int64_t min_bytes = 0;  ///< the least that a value takes as JSON
};

/// The declarations of a schema and everything below it, by schema node; a node that rules cannot see is missing.
class Declarations {
 public:
  explicit Declarations(const Schema& root);
  const Declared* find(const Schema* schema) const;
  /// For a node that its parent cannot show (a member whose name has no escaped form).
  const Declared* declare(const Schema& schema);

 private:
  const Declared* build(const Schema& schema, bool resource, const std::string& name, int depth);
  Declared object(const Schema& schema, bool resource, const std::string& name, int depth);

  std::map<const Schema*, Declared> all_;
  std::map<const Schema*, int> open_;  ///< named types above the one being read: they may refer to themselves
};

}  // namespace serin::kube::cel
