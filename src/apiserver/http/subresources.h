#pragma once

/// The subresources of the API: which there are, their kinds in discovery and their verbs. Pure.

#include <string>
#include <string_view>
#include <vector>

#include "apiserver/catalog.h"

namespace serin::apiserver {

struct Subresource {
  std::string name, group, version, kind;
  std::vector<std::string> verbs;
};

/// Those that a resource serves, sorted by name.
std::vector<Subresource> subresources(const ServedResource&);

/// Whether a verb makes sense on a subresource of that name.
bool subresource_allows(std::string_view name, std::string_view verb);

/// exec, attach and portforward of pods, proxy of pods, services and nodes: streams between a client and a pod,
/// which this server does not carry yet.
bool is_session_subresource(const kube::Resource&, std::string_view name);

}  // namespace serin::apiserver
