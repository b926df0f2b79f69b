#pragma once

/// The smallest write that brings an object's status to what it should be. Pure.

#include <optional>

#include "client/write.h"

namespace serin::cluster {

/// A merge patch on the status subresource, for the version that was read: lists are replaced whole, and others write
/// here too. Nullopt where nothing differs; a 0 or an empty object where there is nothing is no difference.
std::optional<client::Write> status_change(const kube::Resource& resource, const kube::Object& object,
                                           const json::value& wanted);

/// The object's status, or an empty one.
json::value status_of(const kube::Object& object);

}  // namespace serin::cluster
