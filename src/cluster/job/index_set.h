#pragma once

/// Completion indexes as a Job's status writes them: "1,3-5,7". Pure.

#include <set>
#include <string>
#include <string_view>

namespace serin::cluster {

using IndexSet = std::set<int64_t>;

/// Indexes below `completions`; what is no number is passed over.
IndexSet parse_indexes(std::string_view text, int64_t completions);
/// Two neighbours are written "1,2", three or more "1-3", as Kubernetes does.
std::string format_indexes(const IndexSet& indexes);

}  // namespace serin::cluster
