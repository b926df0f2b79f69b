#pragma once

/// What a ReplicaSet needs: pods made or deleted, and its status. Pure.

#include <optional>
#include <vector>

#include "client/write.h"
#include "cluster/claims.h"

namespace serin::cluster {

struct ReplicaSetObserved {
  Object set;
  std::vector<Object> pods;     ///< controlled by the set, or ownerless in its namespace
  std::vector<Object> related;  ///< pods of the sets with the same owner, for the ranking; may repeat `pods`
};

struct ReplicaSetDecision {
  Claims claims;
  std::vector<client::Write> creates;  ///< one per missing pod
  std::vector<client::Write> deletes;  ///< in the order of the ranking
  json::value status;                  ///< with the conditions of the live status; `ReplicaFailure` is the executor's
  std::optional<TimePoint> look_again; ///< when a ready pod becomes available
};

/// An error is terminal: the selector is malformed.
Result<ReplicaSetDecision> plan(const ReplicaSetObserved& observed, TimePoint now);

/// A pod from a template, owned and controlled by `owner`, with a generated name.
Object pod_from_template(const Object& owner, const json::value& pod_template);

/// Whether `status` says something else than the object's: what is missing there counts as 0 or empty.
bool status_differs(const Object& object, const json::value& status);

}  // namespace serin::cluster
