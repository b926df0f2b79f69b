#pragma once

/// An API object: an immutable JSON document whose metadata reads quickly. Copying is sharing; safe to share
/// between threads. To change one, `edit` it: that hands out a mutable copy and seals it again. Fields nobody
/// here knows are kept.
///
///   Object scaled = replica_set.edit([](json::value& doc) { json::set(doc, {"spec", "replicas"}, 3); });

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "data/json.h"
#include "kube/types.h"

namespace serin::kube {

struct OwnerReference {
  std::string api_version, kind, name, uid;
  bool controller = false;
  bool block_owner_deletion = false;
};

class Object {
 public:
  /// An object without content: `empty()`.
  Object();
  /// `doc` becomes the object, on the heap wherever it was; anything but a JSON object reads as empty.
  explicit Object(json::value doc);
  static Result<Object> parse(std::string_view json);

  bool empty() const;
  const json::value& doc() const { return *doc_; }
  Object edit(const std::function<void(json::value&)>& change) const;

  std::string_view api_version() const { return json::get_string(*doc_, "apiVersion"); }
  std::string_view kind() const { return json::get_string(*doc_, "kind"); }
  GroupVersionKind gvk() const;

  std::string_view name() const { return meta("name"); }
  std::string_view ns() const { return meta("namespace"); }
  std::string_view uid() const { return meta("uid"); }
  NamespacedName key() const { return {std::string(ns()), std::string(name())}; }
  ResourceVersion version() const { return ResourceVersion::parse(meta("resourceVersion")); }
  int64_t generation() const { return json::get_int(*doc_, 0, "metadata", "generation"); }
  std::optional<TimePoint> created() const;
  std::optional<TimePoint> deletion_time() const;
  bool deleting() const { return !meta("deletionTimestamp").empty(); }

  /// Empty where there is none.
  std::string_view label(std::string_view name) const;
  std::string_view annotation(std::string_view name) const;
  bool has_annotation(std::string_view name) const;
  bool has_finalizer(std::string_view name) const;
  std::vector<OwnerReference> owners() const;
  /// The owner with `controller: true`.
  std::optional<OwnerReference> controller() const;

  /// "Rollout demo/provider", for messages.
  std::string describe() const;

  bool operator==(const Object& other) const { return doc_ == other.doc_ || *doc_ == *other.doc_; }

 private:
  std::string_view meta(std::string_view field) const {
    return json::get_string(*doc_, "metadata", field);
  }
  std::shared_ptr<const json::value> doc_;  // never null
};

/// A list's answer: all objects at one revision.
struct ObjectList {
  std::vector<Object> items;
  ResourceVersion version;
  std::string continue_token;  ///< empty on the last page
};

/// A reference from `owner` with `controller` and `blockOwnerDeletion` true, as controllers write it.
json::value controller_reference(const Object& owner);

/// The reference that Events and conditions carry: apiVersion, kind, namespace, name, uid.
json::value object_reference(const Object& object);

/// status.conditions by type, on any object that has them.
const json::value* find_condition(const Object& object, std::string_view type);
bool condition_true(const Object& object, std::string_view type);

/// Sets a condition in `status` (an object's status, not the whole object). lastTransitionTime moves only when
/// `status` changes; the call returns whether anything but times changed.
bool set_condition(json::value& status, std::string_view type, std::string_view value,
                   std::string_view reason, std::string_view message, TimePoint now);

}  // namespace serin::kube
