#pragma once

/// Request bodies: JSON, YAML or, for built-in kinds, protobuf to a value, with the duplicate keys that neither parser reports. Pure.

#include <string>
#include <string_view>
#include <vector>

#include "apiserver/hooks.h"
#include "client/client.h"
#include "net/http.h"

namespace serin::apiserver {

struct Body {
  json::value value;
  std::vector<std::string> duplicates;  ///< what occurs twice, as Kubernetes says it: "duplicate field \"spec.replicas\""
};

/// Decodes by Content-Type. kUnsupportedMediaType for anything but JSON, YAML and protobuf, kBadRequest for what does not parse.
Result<Body> read_body(const net::Request&);
/// The patch of a PATCH request.
Result<std::pair<client::Patch, std::vector<std::string>>> read_patch(const net::Request&);
/// DeleteOptions from body and query.
Result<client::DeleteOptions> read_delete_options(const net::Request&);
/// fieldManager, fieldValidation, dryRun, force. `manager` is used where the query names none.
Result<client::WriteOptions> read_write_options(const net::Request&, std::string manager);

/// Paths of members that occur more than once in a JSON text, which must be well-formed.
std::vector<std::string> duplicate_members(std::string_view text);

}  // namespace serin::apiserver
