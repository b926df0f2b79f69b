#pragma once

/// x-kubernetes-validations: the rules of a CRD's schema, compiled once, evaluated against each object that is written.
///
/// Rules, messages, reasons, costs and their limits are those of Kubernetes 1.33 (apiextensions-apiserver,
/// pkg/apiserver/schema/cel and pkg/apis/apiextensions/validation). Compiled rules are immutable; safe from any thread.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "kube/cel/checker.h"
#include "kube/schema.h"

namespace serin::kube::cel {

/// The worst case that one rule, and all rules of one schema together, may come to.
inline constexpr uint64_t kRuleCostLimit = 10'000'000, kSchemaCostLimit = 100'000'000;
/// What all rules may cost when one object is checked.
inline constexpr int64_t kObjectCostBudget = 10'000'000;

struct CompiledRule {
  std::string rule, message;  ///< trimmed; the message may be empty
  std::string reason;         ///< "FieldValueInvalid" where the CRD gives none
  std::string field_path;     ///< below the rule's own place; empty: there
  bool uses_old = false, optional_old = false;
  Program program;
  std::optional<Program> message_program;
  std::string error;  ///< not empty: it does not compile, and says so whenever it would be evaluated
};

/// The rules at one place of a schema and below it.
struct RuleNode {
  const Schema* schema = nullptr;
  bool resource = false;  ///< the root of a resource, embedded ones too
  std::string type;       ///< as the schema says it: "object"
  std::vector<CompiledRule> rules;
  std::map<std::string, std::shared_ptr<const RuleNode>, std::less<>> properties;
  std::shared_ptr<const RuleNode> items, values;
};
using RuleNodePtr = std::shared_ptr<const RuleNode>;

struct RuleChecks {
  bool costs = true;  ///< of single rules; false for a schema that was stored before: what was let in stays in
};

/// Compiles the rules of an openAPIV3Schema whose structure has been read into `root`. Null where there are none. What is
/// wrong with them, and with defaults that break them, goes to `causes`, with fields that begin with "openAPIV3Schema"; the rules concerned
/// stay in the answer and refuse every object.
RuleNodePtr compile_rules(const json::value& openapi, const Schema& root, const RuleChecks& checks, std::vector<Cause>& causes);

/// What an object breaks. `old` is null on creation; on an update a rule is not evaluated where its value is unchanged
/// (unless it is a transition rule). `object` and `old` outlive the call only. Fields begin with `at`.
std::vector<Cause> check_rules(const json::value& object, const json::value* old, const RuleNode& rules, std::string_view at = {});

}  // namespace serin::kube::cel
