#pragma once

/// The functions of Kubernetes' CEL environment: their overloads, what they do, and what they cost.
///
/// The list is that of Kubernetes 1.33 (k8s.io/apiserver/pkg/cel/environment): CEL's standard library, optional types,
/// strings (version 2), sets, two-variable comprehensions, and Kubernetes' lists, regex, URLs, quantity, IP, CIDR, format
/// and semver. The authorizer has no place in rules of a CRD.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kube/cel/value.h"

namespace serin::kube::cel {

using Args = std::span<const Value>;  ///< the target first, where there is one

/// By which rule a call is charged, at run time and in estimates (cost.h).
enum class Cost {
  kOne,
  kEqual,         ///< _==_ and _!=_
  kCompareText,   ///< < and its like on strings and bytes
  kAddText,       ///< + on strings and bytes
  kAddList,
  kAffix,         ///< startsWith, endsWith
  kContains,
  kMatches,       ///< matches, find, findAll: text times pattern
  kFind,
  kIn,            ///< of a list
  kIndexList,
  kIndexMap,
  kScan,          ///< isSorted, sum, min, max, indexOf, lastIndexOf: one traversal
  kText,          ///< one traversal of the first argument
  kTextSized,     ///< the same, and the result is as long
  kReplace,
  kSplit,
  kJoin,
  kTextTwice,     ///< ip.isCanonical
  kContainsIp,
  kContainsIpText,
  kContainsCidr,
  kContainsCidrText,
  kValidate,
  kSets,          ///< the product of two sizes
  kSetsTwice,
  kToBytes,
  kFromBytes,
  kQuote,
  kConditional,   ///< the operators that do not evaluate all their operands
  kLogic,
};

struct Overload {
  std::string id;
  bool member = false;
  std::vector<TypePtr> params;  ///< the target's first, where there is one
  TypePtr result;
  Value (*run)(Args) = nullptr;  ///< null: the evaluator does it itself
  Cost cost = Cost::kOne;
};

struct Function {
  std::string name;
  std::vector<Overload> overloads;
};

/// Null where there is none.
const Function* find_function(std::string_view name);

/// Whether run-time values could be the arguments of an overload. What no declaration types is taken as it comes.
bool accepts(const Overload& overload, Args args);

/// One line of a library's table. Signatures: "_+_(int, int) int", "string:contains(string) bool" (a member),
/// with A, B, K, V for type variables.
struct Row {
  std::string_view id, signature;
  Value (*run)(Args);
  Cost cost = Cost::kOne;
};
std::span<const Row> standard_rows();
std::span<const Row> time_rows();
std::span<const Row> string_rows();
std::span<const Row> collection_rows();
std::span<const Row> network_rows();
std::span<const Row> kubernetes_rows();

/// "%s and %d".format([...]): the text, or an error value.
Value format_string(std::string_view format, const List& args);
/// What a format asks of its arguments, found before it is run; empty: nothing wrong.
std::string check_format(std::string_view format, const std::vector<TypePtr>& args);

/// As CEL prints it: string(v) for every kind that has one; an error value otherwise.
Value to_string(const Value& v);
/// As Go's %g.
std::string shortest_double(double v);

/// timestamp("2026-01-01T00:00:00Z"), or an error value.
Value timestamp_of(std::string_view text);

/// The code points of valid UTF-8.
std::u32string to_code_points(std::string_view text);
std::string to_utf8(std::u32string_view code_points);

}  // namespace serin::kube::cel
