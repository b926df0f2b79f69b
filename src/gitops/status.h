#pragma once

/// Writes what a pass has found into an Application's status. Pure: documents in, documents out. A second call
/// with the same findings changes nothing, so that a quiet application is never written.

#include <string>
#include <vector>

#include "gitops/comparison.h"

namespace serin::gitops {

/// status.sync, resources, health, summary, sourceType from a comparison.
void write_comparison(json::value& doc, const Application& app, const Comparison& comparison, TimePoint now);

/// The application could not be compared: its sync status and those of all its resources are Unknown. What
/// resources it has is kept, because pruning needs to know.
void write_unknown(json::value& doc, TimePoint now);

/// status.conditions; the times of conditions that stay are kept.
void write_conditions(json::value& doc, std::vector<Condition> conditions, TimePoint now);

/// An entry of status.history for an operation that has succeeded.
void add_history(json::value& doc, const Application& app, const std::string& revision, std::string_view started, TimePoint now);

}  // namespace serin::gitops
