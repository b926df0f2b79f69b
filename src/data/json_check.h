#pragma once

/// Whether text is JSON that `json::parse` would read, without building the document.

#include <cstddef>
#include <string_view>

#include "base/error.h"

namespace serin::json {

/// kBadRequest for what is not JSON in UTF-8, or where arrays and objects nest deeper than `max_depth`. Pure.
Result<void> check(std::string_view text, size_t max_depth);

}  // namespace serin::json
