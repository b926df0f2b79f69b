#pragma once

/// Which objects belong to a controller that selects by label: those it controls already and still selects.
/// Ownerless ones that it selects are adopted, controlled ones that it no longer selects are let go. Pure.

#include <vector>

#include "client/write.h"
#include "kube/selector.h"

namespace serin::cluster {

using kube::Object;

struct Claims {
  std::vector<Object> owned;           ///< after `adopt` and `release` have been written
  std::vector<client::Write> adopt;    ///< need a live look that the owner is not being deleted
  std::vector<client::Write> release;
};

/// `finalizer` (none where empty) is put on what is adopted and taken off what is let go.
Claims claim(const Object& owner, const kube::LabelSelector& selector, const kube::Resource& resource,
             const std::vector<Object>& candidates, std::string_view finalizer = {});

/// An index by controlling owner: the owner's uid, or "orphans/<namespace>" where there is none.
inline constexpr char kControllerIndex[] = "controller";
std::vector<std::string> controller_index(const Object& object);
std::string orphans_of(std::string_view ns);

}  // namespace serin::cluster
