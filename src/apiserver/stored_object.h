#pragma once

/// Objects as they stand in the store, and back. Stored text begins with apiVersion, kind and metadata and has
/// no resourceVersion, so that both can be spliced in on the way out without parsing.

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>
#include <deque>

#include "apiserver/store/store.h"
#include "kube/object.h"

namespace serin::apiserver {

/// The text to store for `doc`, whose apiVersion and kind are replaced.
std::string stored_text(const json::value& doc, std::string_view api_version, std::string_view kind);

/// The object's JSON as a client gets it, appended to `out`.
void append_object(std::string& out, const Entry& entry, std::string_view api_version,
                   std::string_view kind, Revision revision);

/// As `append_object`, for many objects of one kind.
class ObjectSplicer {
 public:
  ObjectSplicer(std::string_view api_version, std::string_view kind);
  void append(std::string& out, const Entry& entry, Revision revision) const;

 private:
  std::string head_;  // up to the digits of resourceVersion
};

/// The text between the braces of metadata and everything behind, for representations that need metadata only.
std::string_view after_metadata_brace(std::string_view stored);

/// Some 250 objects of a few kilobytes.
inline constexpr size_t kObjectCacheBytes = 2 << 20;

/// Parses entries on demand and keeps the latest parsed ones, as many as take about `capacity` bytes. Safe from any
/// thread.
class ObjectCache {
 public:
  explicit ObjectCache(size_t capacity = kObjectCacheBytes) : capacity_(capacity) {}

  /// The object in its storage version, with its resourceVersion.
  kube::Object get(const EntryPtr& entry);
  /// Remembers what a writer has parsed already.
  void put(const EntryPtr& entry, kube::Object object);

 private:
  struct Slot {
    EntryPtr entry;  // keeps the key's address from being used again
    kube::Object object;
  };
  std::mutex mutex_;
  const size_t capacity_;
  size_t bytes_ = 0;  // guarded by mutex_
  std::unordered_map<const Entry*, Slot> slots_;  // guarded by mutex_
  std::deque<const Entry*> order_;                // guarded by mutex_; oldest first
};

/// `object` under another apiVersion; the same object where it has that one already.
kube::Object in_version(const kube::Object& object, std::string_view api_version);

}  // namespace serin::apiserver
