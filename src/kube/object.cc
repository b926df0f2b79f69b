#include "kube/object.h"

#include "base/strings.h"
#include "base/time.h"

namespace serin::kube {
namespace {

const std::shared_ptr<const json::value>& no_document() {
  static const auto kNone = std::make_shared<const json::value>(json::object());
  return kNone;
}

std::optional<TimePoint> time_of(std::string_view text) {
  return text.empty() ? std::nullopt : parse_time(text);
}

}  // namespace

Object::Object() : doc_(no_document()) {}

// A copy of a JSON value allocates from the memory resource of what it copies. Objects are copied by many threads at
// once, so theirs must be the default one, which is the heap; moving into it costs nothing where it is that already.
Object::Object(json::value doc)
    : doc_(doc.is_object() ? std::make_shared<const json::value>(std::move(doc), boost::json::storage_ptr()) : no_document()) {}

Result<Object> Object::parse(std::string_view text) {
  json::value doc = SERIN_TRY(json::parse(text));
  if (!doc.is_object()) return fail(Code::kBadRequest, "an API object must be a JSON object");
  return Object(std::move(doc));
}

bool Object::empty() const { return doc_->get_object().empty(); }

Object Object::edit(const std::function<void(json::value&)>& change) const {
  json::value copy = *doc_;
  change(copy);
  return Object(std::move(copy));
}

GroupVersionKind Object::gvk() const {
  GroupVersion gv = GroupVersion::parse(api_version());
  return {gv.group, gv.version, std::string(kind())};
}

std::optional<TimePoint> Object::created() const { return time_of(meta("creationTimestamp")); }
std::optional<TimePoint> Object::deletion_time() const { return time_of(meta("deletionTimestamp")); }

std::string_view Object::label(std::string_view name) const {
  return json::get_string(*doc_, "metadata", "labels", name);
}

std::string_view Object::annotation(std::string_view name) const {
  return json::get_string(*doc_, "metadata", "annotations", name);
}

bool Object::has_annotation(std::string_view name) const {
  return json::find(*doc_, "metadata", "annotations", name) != nullptr;
}

bool Object::has_finalizer(std::string_view name) const {
  for (const json::value& finalizer : json::items(*doc_, "metadata", "finalizers"))
    if (json::as_string(&finalizer) == name) return true;
  return false;
}

std::vector<OwnerReference> Object::owners() const {
  std::vector<OwnerReference> owners;
  for (const json::value& owner : json::items(*doc_, "metadata", "ownerReferences")) {
    owners.push_back({std::string(json::get_string(owner, "apiVersion")),
                      std::string(json::get_string(owner, "kind")),
                      std::string(json::get_string(owner, "name")),
                      std::string(json::get_string(owner, "uid")),
                      json::get_bool(owner, false, "controller"),
                      json::get_bool(owner, false, "blockOwnerDeletion")});
  }
  return owners;
}

std::optional<OwnerReference> Object::controller() const {
  for (OwnerReference& owner : owners())
    if (owner.controller) return owner;
  return std::nullopt;
}

std::string Object::describe() const { return concat(kind(), " ", key().str()); }

json::value controller_reference(const Object& owner) {
  return json::object{{"apiVersion", owner.api_version()}, {"kind", owner.kind()},
                      {"name", owner.name()},              {"uid", owner.uid()},
                      {"controller", true},                {"blockOwnerDeletion", true}};
}

json::value object_reference(const Object& object) {
  json::object reference{{"apiVersion", object.api_version()},
                         {"kind", object.kind()},
                         {"name", object.name()},
                         {"uid", object.uid()}};
  if (!object.ns().empty()) reference["namespace"] = object.ns();
  return reference;
}

const json::value* find_condition(const Object& object, std::string_view type) {
  for (const json::value& condition : json::items(object.doc(), "status", "conditions"))
    if (json::get_string(condition, "type") == type) return &condition;
  return nullptr;
}

bool condition_true(const Object& object, std::string_view type) {
  const json::value* condition = find_condition(object, type);
  return condition && json::get_string(*condition, "status") == "True";
}

bool set_condition(json::value& status, std::string_view type, std::string_view value,
                   std::string_view reason, std::string_view message, TimePoint now) {
  json::value& list = json::ensure_object(status, {})["conditions"];
  if (!list.is_array()) list = json::array();
  json::value* found = nullptr;
  for (json::value& condition : list.get_array())
    if (json::get_string(condition, "type") == type) found = &condition;
  if (!found) found = &list.get_array().emplace_back(json::object{{"type", type}});
  json::object& condition = found->get_object();
  auto differs = [&](std::string_view field, std::string_view to) {
    return json::get_string(*found, field) != to;
  };
  bool moved = differs("status", value);
  if (!moved && !differs("reason", reason) && !differs("message", message)) return false;
  condition["status"] = value;
  if (moved || !condition.contains("lastTransitionTime"))
    condition["lastTransitionTime"] = format_time(now);
  condition["reason"] = reason;
  condition["message"] = message;
  return true;
}

}  // namespace serin::kube
