#pragma once

/// Which objects of a collection a request is about: namespace, label and field selectors.

#include "apiserver/catalog.h"
#include "apiserver/stored_object.h"
#include "kube/selector.h"

namespace serin::apiserver {

class Selection {
 public:
  /// kBadRequest for a malformed selector, or a field that this kind is not selectable by.
  static Result<Selection> parse(const ServedResource&, std::string_view ns, std::string_view label_selector,
                                 std::string_view field_selector);

  bool matches(const EntryPtr&, ObjectCache&) const;
  bool everything() const { return labels_.empty() && fields_.empty() && !name_; }
  /// nullopt: all namespaces.
  const std::optional<std::string>& ns() const { return ns_; }
  /// The one name asked for, where there is one.
  const std::optional<std::string>& name() const { return name_; }

 private:
  std::optional<std::string> ns_, name_;
  kube::LabelSelector labels_;
  kube::FieldSelector fields_;  ///< what remains after name and namespace
  const kube::Conversion* conversion_ = nullptr;  ///< fields are named as the version asked for names them
};

}  // namespace serin::apiserver
