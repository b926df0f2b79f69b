#pragma once

/// What becomes of an object by its owner references and deletion finalizers. Pure. The rules are those of the
/// garbage collector of Kubernetes:
///
/// - an object all of whose owners are gone is deleted
/// - references to owners that are gone are taken out where another owner stays
/// - an object being deleted in the foreground ("foregroundDeletion") has its dependents deleted, and goes when
///   none that blocks it (blockOwnerDeletion) is left
/// - one being deleted with "orphan" has its reference taken out of its dependents, and then goes

#include <vector>

#include "client/write.h"

namespace serin::cluster {

inline constexpr char kForegroundFinalizer[] = "foregroundDeletion";
inline constexpr char kOrphanFinalizer[] = "orphan";

struct OwnerState {
  kube::OwnerReference reference;
  enum class State {
    kPresent,
    kGone,          ///< no such object, or another one of the same name
    kWaiting,       ///< being deleted in the foreground, waiting for this object
    kUnserved,      ///< nobody here serves its kind: it counts as present
    kUnresolvable,  ///< an object without namespace names an owner of a kind that has one: it counts as present
  } state;
};

struct Dependent {
  kube::Resource resource;
  kube::Object object;
};

struct GarbageObserved {
  kube::Resource resource;
  kube::Object object;
  std::vector<OwnerState> owners;
  std::vector<Dependent> dependents;
};

struct GarbageDecision {
  std::vector<client::Write> writes;
  bool wait = false;  ///< look again when a dependent has changed
};

GarbageDecision plan(const GarbageObserved& observed);

}  // namespace serin::cluster
