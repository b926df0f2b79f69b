#include "apiserver/rest/metadata.h"

#include <algorithm>

#include "base/strings.h"
#include "base/time.h"

namespace serin::apiserver {
namespace {

constexpr size_t kSuffix = 5;
constexpr size_t kMaxGeneratedBase = 63 - kSuffix;

bool is(const ServedResource& served, std::string_view group, std::string_view plural) {
  return served.resource().group == group && served.resource().plural == plural;
}

}  // namespace

void complete_new_metadata(json::value& doc, const ServedResource& served, Random& random, TimePoint now) {
  json::object& metadata = json::ensure_object(doc, {"metadata"});
  std::string base(json::get_string(doc, "metadata", "generateName"));
  if (json::get_string(doc, "metadata", "name").empty() && !base.empty())
    metadata["name"] = base.substr(0, kMaxGeneratedBase) + random.suffix(kSuffix);
  for (auto member : {"selfLink", "deletionTimestamp", "deletionGracePeriodSeconds", "resourceVersion",
                      "managedFields", "generation"})
    metadata.erase(member);
  if (!served.resource().namespaced) metadata.erase("namespace");
  metadata["uid"] = random.uuid();
  metadata["creationTimestamp"] = format_time(now);
  if (served.info.has_generation) metadata["generation"] = 1;
}

void keep_system_metadata(json::value& doc, const kube::Object& current) {
  json::object& metadata = json::ensure_object(doc, {"metadata"});
  for (auto member : {"name", "namespace", "uid", "creationTimestamp", "deletionTimestamp",
                      "deletionGracePeriodSeconds", "generation", "generateName", "resourceVersion"}) {
    if (const json::value* value = json::find(current.doc(), "metadata", member)) metadata[member] = *value;
    else metadata.erase(member);
  }
  metadata.erase("selfLink");
}

std::vector<Cause> validate_kept_metadata(const json::value& next, const kube::Object& current) {
  std::vector<Cause> causes;
  for (std::string_view member : {"creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"}) {
    const json::value *said = json::find(next, "metadata", member), *is = json::find(current.doc(), "metadata", member);
    if (!said || said->is_null() || (is && *said == *is)) continue;
    bool grace = member == "deletionGracePeriodSeconds" && !is;
    causes.push_back({"FieldValueInvalid",
                      concat("Invalid value: ", json::dump(*said), ": field is immutable", grace ? "; may only be changed via deletion" : ""),
                      concat("metadata.", member)});
  }
  return causes;
}

std::vector<Cause> validate_new_finalizers(const json::value& doc, const kube::Object& old) {
  std::vector<Cause> causes;
  if (!old.deleting()) return causes;
  for (const json::value& finalizer : json::items(doc, "metadata", "finalizers")) {
    std::string_view text = json::as_string(&finalizer);
    if (!old.has_finalizer(text))
      causes.push_back({"FieldValueForbidden",
                        concat("Forbidden: no new finalizers can be added if the object is being deleted, "
                               "found new finalizers []string{\"", text, "\"}"),
                        "metadata.finalizers"});
  }
  return causes;
}

bool may_go(const json::value& doc, const ServedResource& served) {
  if (json::get_string(doc, "metadata", "deletionTimestamp").empty()) return false;
  if (json::get_int(doc, 0, "metadata", "deletionGracePeriodSeconds") > 0) return false;
  if (!json::items(doc, "metadata", "finalizers").empty()) return false;
  return !is(served, "", "namespaces") || json::items(doc, "spec", "finalizers").empty();
}

bool spec_differs(const json::value& a, const json::value& b, bool ignore_status) {
  auto ignored = [&](std::string_view member) {
    return member == "metadata" || member == "apiVersion" || member == "kind" ||
           (ignore_status && member == "status");
  };
  auto covered = [&](const json::object& left, const json::object& right) {
    for (const auto& [key, value] : left) {
      if (ignored(key)) continue;
      const json::value* other = right.if_contains(key);
      if (!other || *other != value) return false;
    }
    return true;
  };
  return !covered(a.get_object(), b.get_object()) || !covered(b.get_object(), a.get_object());
}

}  // namespace serin::apiserver
