#pragma once

/// A planner's intention to write, as a value. Planners return them in the order they must happen; `execute`
/// carries them out and stops at the first failure.

#include <string>
#include <vector>

#include "client/client.h"

namespace serin::client {

struct Write {
  enum class Verb { kCreate, kUpdate, kPatch, kRemove } verb;
  Resource resource;
  NamespacedName name;
  Object object;            ///< kCreate, kUpdate
  Patch patch{};            ///< kPatch
  WriteOptions options{};
  DeleteOptions remove{};   ///< kRemove
  std::string why;          ///< for logs and `why`: "scale canary to 3"
};

/// Shorthands for the common writes.
Write create(const Resource&, Object, std::string why);
Write update(const Resource&, Object, std::string why);
Write merge_patch(const Resource&, const NamespacedName&, json::value body, std::string why);
Write json_patch(const Resource&, const NamespacedName&, json::value body, std::string why);
/// A merge patch on the status subresource.
Write patch_status(const Resource&, const NamespacedName&, json::value status, std::string why);
Write remove(const Resource&, const NamespacedName&, std::string why, DeleteOptions = {});

/// Whether a create was refused because its namespace is being deleted: nothing is missing then.
bool namespace_terminating(const Error&);

Result<Object> execute(Client&, const Write&);
/// In order; the first that fails ends it.
Result<void> execute(Client&, const std::vector<Write>&);

}  // namespace serin::client
