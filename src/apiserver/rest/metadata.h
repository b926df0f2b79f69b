#pragma once

/// The rules for metadata that hold for every kind. Pure.

#include "apiserver/catalog.h"
#include "base/random.h"
#include "kube/object.h"

namespace serin::apiserver {

/// Gives a new object its name (from generateName where it has none), uid, times and generation, and drops what
/// only the server sets.
void complete_new_metadata(json::value& doc, const ServedResource&, Random&, TimePoint now);

/// Carries over what a write cannot change: uid, creation and deletion, generation.
void keep_system_metadata(json::value& doc, const kube::Object& current);

/// What a write of the whole object says about metadata that only the server writes, and says wrongly.
std::vector<Cause> validate_kept_metadata(const json::value& next, const kube::Object& current);

/// An object that is being deleted takes no further finalizers.
std::vector<Cause> validate_new_finalizers(const json::value& doc, const kube::Object& old);

/// Whether nothing keeps an object that is being deleted.
bool may_go(const json::value& doc, const ServedResource&);

/// Whether anything but metadata and status differs.
bool spec_differs(const json::value& a, const json::value& b, bool ignore_status);

}  // namespace serin::apiserver
