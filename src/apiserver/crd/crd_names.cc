#include "apiserver/crd/crd_names.h"

#include <algorithm>
#include <set>

#include "base/strings.h"

namespace serin::apiserver {
namespace {

constexpr std::string_view kApproved = "api-approved.kubernetes.io";
constexpr std::string_view kConformant = "KubernetesAPIApprovalPolicyConformant";

using Names = std::set<std::string, std::less<>>;

struct Taken {
  Names resources, kinds;
};

Taken taken_by_others(const json::value& crd, const Catalog& catalog) {
  Taken taken;
  std::string_view name = json::get_string(crd, "metadata", "name"), group = json::get_string(crd, "spec", "group");
  for (const ServedPtr& other : catalog.all()) {
    if (other->resource().group != group || other->crd == name) continue;
    taken.resources.insert({other->resource().plural, other->info.singular});
    taken.resources.insert(other->info.short_names.begin(), other->info.short_names.end());
    taken.kinds.insert({other->resource().kind, other->info.list_kind});
  }
  return taken;
}

std::string in_use(std::string_view name) { return concat('"', name, "\" is already in use"); }

/// The short names that others have, but for those that are ours already.
std::vector<std::string> taken_short_names(const json::value& wanted, const json::value& accepted, const Names& taken) {
  std::vector<std::string> errors;
  const json::array& ours = json::items(accepted, "shortNames");
  for (const json::value& name : json::items(wanted, "shortNames"))
    if (std::find(ours.begin(), ours.end(), name) == ours.end() && taken.contains(json::as_string(&name)))
      errors.push_back(in_use(json::as_string(&name)));
  return errors;
}

struct Approval {
  std::string status, reason, message;
  bool stated() const { return reason == "ApprovedAnnotation" || reason == "UnapprovedAnnotation"; }
};

bool is_protected(std::string_view group) {
  return group == "k8s.io" || group.ends_with(".k8s.io") || group == "kubernetes.io" || group.ends_with(".kubernetes.io");
}

bool is_url(std::string_view text) {
  size_t scheme = text.find("://");
  return scheme != std::string_view::npos && scheme > 0 && text.size() > scheme + 3 && text[scheme + 3] != '/';
}

Approval approval_of(const json::value& crd) {
  std::string_view text = json::get_string(crd, "metadata", "annotations", kApproved);
  static constexpr std::string_view kSee = "see https://github.com/kubernetes/enhancements/pull/1111";
  if (text.empty())
    return {"False", "MissingAnnotation", concat("protected groups must have approval annotation \"", kApproved, "\", ", kSee)};
  if (text.starts_with("unapproved")) return {"False", "UnapprovedAnnotation", concat("not approved: \"", text, '"')};
  if (is_url(text)) return {"True", "ApprovedAnnotation", concat("approved in ", text)};
  return {"False", "InvalidAnnotation",
          concat("protected groups must have approval annotation \"", kApproved,
                 "\" with either a URL or a reason starting with \"unapproved\", ", kSee)};
}

}  // namespace

void accept_names(const json::value& crd, const Catalog& catalog, TimePoint now, json::value& status) {
  Taken taken = taken_by_others(crd, catalog);
  const json::value& wanted = *json::find(crd, "spec", "names");
  json::value accepted = json::object{{"plural", ""}, {"kind", ""}};
  if (const json::value* before = json::find(status, "acceptedNames"); before && before->is_object()) accepted = *before;
  json::object& names = accepted.get_object();
  std::string reason, message;
  auto claim = [&](std::string_view member, const Names& others, std::string_view conflict) {
    const json::value* name = json::find(wanted, member);
    std::string_view text = json::as_string(name);
    if (text != json::get_string(accepted, member) && others.contains(text)) {
      reason = conflict;
      message = in_use(text);
    } else if (name) {
      names[member] = *name;
    }
  };
  claim("plural", taken.resources, "PluralConflict");
  claim("singular", taken.resources, "SingularConflict");
  if (std::vector<std::string> errors = taken_short_names(wanted, accepted, taken.resources); !errors.empty()) {
    reason = "ShortNamesConflict";
    message = errors.size() == 1 ? errors[0] : concat('[', join(errors, ", "), ']');
  } else if (const json::value* short_names = json::find(wanted, "shortNames")) {
    names["shortNames"] = *short_names;
  } else {
    names.erase("shortNames");
  }
  claim("kind", taken.kinds, "KindConflict");
  claim("listKind", taken.kinds, "ListKindConflict");
  if (const json::value* categories = json::find(wanted, "categories")) names["categories"] = *categories;
  else names.erase("categories");
  status.get_object()["acceptedNames"] = std::move(accepted);

  bool free = reason.empty();
  kube::set_condition(status, "NamesAccepted", free ? "True" : "False", free ? "NoConflicts" : reason,
                      free ? "no conflicts found" : message, now);
  if (free) kube::set_condition(status, "Established", "True", "InitialNamesAccepted", "the initial names have been accepted", now);
  else if (!kube::condition_true(kube::Object(json::object{{"status", status}}), "Established"))
    kube::set_condition(status, "Established", "False", "NotAccepted", "not all names are accepted", now);
}

void judge_approval(const json::value& crd, TimePoint now, json::value& status) {
  if (is_protected(json::get_string(crd, "spec", "group"))) {
    Approval approval = approval_of(crd);
    kube::set_condition(status, kConformant, approval.status, approval.reason, approval.message, now);
    return;
  }
  json::array kept;
  for (const json::value& condition : json::items(status, "conditions"))
    if (json::get_string(condition, "type") != kConformant) kept.push_back(condition);
  if (kept.size() < json::items(status, "conditions").size()) status.get_object()["conditions"] = std::move(kept);
}

std::vector<Cause> check_approval(const json::value& crd, const kube::Object& old) {
  if (!is_protected(json::get_string(crd, "spec", "group"))) return {};
  Approval approval = approval_of(crd);
  if (approval.stated() || (!old.empty() && approval_of(old.doc()).reason == approval.reason)) return {};
  std::string field = concat("metadata.annotations[", kApproved, ']');
  if (approval.reason == "MissingAnnotation") return {{"FieldValueRequired", concat("Required value: ", approval.message), field}};
  std::string_view text = json::get_string(crd, "metadata", "annotations", kApproved);
  return {{"FieldValueInvalid", concat("Invalid value: ", json::dump(json::value(text)), ": ", approval.message), field}};
}

}  // namespace serin::apiserver
