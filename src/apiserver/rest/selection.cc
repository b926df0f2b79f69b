#include "apiserver/rest/selection.h"

#include <algorithm>

#include "base/strings.h"

namespace serin::apiserver {
namespace {

/// A field as selectors compare it. Flags and numbers that are not set read as the zero they stand for, and two
/// names of Kubernetes mean other places than they say.
std::string selectable_text(const json::value& doc, std::string_view field) {
  if (field == "source") {
    std::string_view component = json::get_string(doc, "source", "component");
    return std::string(component.empty() ? json::get_string(doc, "reportingComponent") : component);
  }
  if (field == "status.successful") field = "status.succeeded";
  const json::value* at = &doc;
  for (std::string_view name : split(field, '.')) {
    if (name.empty()) continue;
    at = json::find(*at, name);
    if (!at) break;
  }
  if (!at && (field == "spec.unschedulable" || field == "spec.hostNetwork")) return "false";
  if (!at && (field == "status.replicas" || field == "status.succeeded")) return "0";
  bool text = !at || at->is_string() || at->is_null();
  return text ? std::string(json::as_string(at)) : json::dump(*at);
}

}  // namespace

Result<Selection> Selection::parse(const ServedResource& served, std::string_view ns,
                                   std::string_view label_selector, std::string_view field_selector) {
  Selection selection;
  if (!ns.empty()) selection.ns_ = ns;
  auto labels = kube::LabelSelector::parse(label_selector);
  if (!labels) return fail(Code::kBadRequest, concat("unable to parse requirement: ", labels.error().message));
  selection.labels_ = *std::move(labels);
  auto fields = kube::FieldSelector::parse(field_selector);
  if (!fields) return fail(Code::kBadRequest, concat("invalid field selector: ", fields.error().message));
  bool more = false;
  for (const auto& term : fields->terms()) {
    const auto& known = served.info.selectable_fields;
    bool selectable = term.field == "metadata.name" || term.field == "metadata.namespace" ||
                      std::any_of(known.begin(), known.end(), [&](std::string_view field) {
                        return field == term.field || (field.starts_with('.') && field.substr(1) == term.field);
                      });
    if (!selectable) {
      // Kinds with no fields of their own speak with the voice of the default conversion.
      bool plain = known.empty() && served.crd.empty();
      return fail(Code::kBadRequest, plain ? concat('"', term.field, "\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"")
                                           : concat("field label not supported: ", term.field));
    }
    if (term.field == "metadata.name" && term.equal && !selection.name_) selection.name_ = term.value;
    else if (term.field == "metadata.namespace" && term.equal && !selection.ns_) selection.ns_ = term.value;
    else more = true;
  }
  if (more) selection.fields_ = *std::move(fields);
  selection.conversion_ = served.conversion;
  return selection;
}

bool Selection::matches(const EntryPtr& entry, ObjectCache& cache) const {
  if (ns_ && entry->name.ns != *ns_) return false;
  if (name_ && entry->name.name != *name_) return false;
  if (!labels_.empty() && !labels_.matches(entry->labels.is_object() ? &entry->labels : nullptr)) return false;
  if (fields_.empty()) return true;
  kube::Object object = cache.get(entry);
  json::value converted = conversion_ ? conversion_->to_served(object.doc()) : json::value();
  const json::value& doc = conversion_ ? converted : object.doc();
  return std::all_of(fields_.terms().begin(), fields_.terms().end(), [&](const kube::FieldSelector::Term& term) {
    return (selectable_text(doc, term.field) == term.value) == term.equal;
  });
}

}  // namespace serin::apiserver
