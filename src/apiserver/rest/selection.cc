#include "apiserver/rest/selection.h"

#include <algorithm>

#include "base/strings.h"

namespace serin::apiserver {

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
    if (!selectable)
      return fail(Code::kBadRequest, concat("field label not supported: ", term.field));
    if (term.field == "metadata.name" && term.equal && !selection.name_) selection.name_ = term.value;
    else if (term.field == "metadata.namespace" && term.equal && !selection.ns_) selection.ns_ = term.value;
    else more = true;
  }
  if (more) selection.fields_ = *std::move(fields);
  return selection;
}

bool Selection::matches(const EntryPtr& entry, ObjectCache& cache) const {
  if (ns_ && entry->name.ns != *ns_) return false;
  if (name_ && entry->name.name != *name_) return false;
  if (!labels_.empty() && !labels_.matches(entry->labels.is_object() ? &entry->labels : nullptr)) return false;
  return fields_.empty() || fields_.matches(cache.get(entry).doc());
}

}  // namespace serin::apiserver
