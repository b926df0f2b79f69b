#pragma once

/// Lists of strings, both ways. Pure.

#include <string>
#include <vector>

#include "data/json.h"

namespace serin::json {

array from_strings(const std::vector<std::string>& list);
/// What in the list is a string; the rest is passed over.
std::vector<std::string> to_strings(const array& list);

}  // namespace serin::json
