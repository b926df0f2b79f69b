#pragma once

/// metadata.managedFields as data: who owns which fields by which kind of write. Pure. Internal to server-side
/// apply.

#include <string>
#include <vector>

#include "base/clock.h"
#include "data/json.h"
#include "kube/field_set.h"

namespace serin::kube {

struct ManagedEntry {
  std::string manager, operation, api_version, time, subresource;
  FieldSet fields;

  /// Apply entries are one per manager and subresource, whatever their version.
  bool is(const ManagedEntry& other) const;
  bool applied() const { return operation == "Apply"; }
};

class ManagedFields {
 public:
  /// Of an object; entries that cannot be read are left out.
  static ManagedFields of(const json::value& object);
  /// Writes them into the object, in Kubernetes' order; removes the member where there are none.
  void put_into(json::value& object) const;

  std::vector<ManagedEntry>& entries() { return entries_; }
  const std::vector<ManagedEntry>& entries() const { return entries_; }
  ManagedEntry* find(const ManagedEntry& like);
  /// Drops entries without fields, and folds the oldest Update entries where there are more than
  /// `kMaxUpdateEntries` into one of the manager "ancient-changes".
  void tidy();

  static constexpr size_t kMaxUpdateEntries = 10;

 private:
  std::vector<ManagedEntry> entries_;
};

}  // namespace serin::kube
