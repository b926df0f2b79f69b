#pragma once

/// Pieces of the columns of built-in kinds, with kubectl's texts. Pure. Internal to the Table code.

#include <string>
#include <string_view>
#include <vector>

#include "apiserver/http/table.h"

namespace serin::apiserver::columns {

using Columns = std::vector<Column>;
using Text = std::function<std::string(const json::value&)>;

Column text(std::string name, Text make, int priority = 0);
Column number(std::string name, std::function<int64_t(const json::value&)> make, int priority = 0);
/// The text at a path, `otherwise` where it is missing or empty.
Column text_at(std::string name, std::vector<std::string> path, std::string otherwise = {}, int priority = 0);
Column number_at(std::string name, std::vector<std::string> path);
Column age();
/// The creation time itself, of kinds that Kubernetes has no columns for.
Column created_at();
/// CONTAINERS and IMAGES of the pod template at `path`, and, with `selector`, SELECTOR of the spec.
void add_template_columns(Columns& columns, std::vector<std::string> path, bool selector, int priority = 1);

std::string or_none(std::string_view value);
/// A member (empty: the item itself) of every item, joined by commas.
std::string joined(const json::array& items, std::string_view member);
/// "a=b,c=d" sorted by name, "<none>" where there is nothing.
std::string map_text(const json::value* map);
/// A label selector or a plain map as kubectl writes it.
std::string selector_text(const json::value* selector);
/// The first `shown` of a list and how many more there are: "a,b,c + 2 more...".
std::string some_of(const std::vector<std::string>& items, size_t shown, std::string_view separator = ",");
const json::value* at(const json::value& doc, const std::vector<std::string>& path);
/// "RWO,ROX" of a list of access modes.
std::string access_modes(const json::array& modes);

// The columns by field; see builtin_columns.cc for which kind has which.
Columns pod();
Columns pod_template();
Columns deployment();
Columns replica_set();
Columns stateful_set();
Columns daemon_set();
Columns controller_revision();
Columns job();
Columns cron_job();
Columns autoscaler();
Columns disruption_budget();
Columns service();
Columns endpoints();
Columns endpoint_slice();
Columns ingress();
Columns ingress_class();
Columns network_policy();
Columns node();
Columns event();
Columns resource_quota();
Columns persistent_volume();
Columns persistent_volume_claim();
Columns storage_class();
Columns role_binding();
Columns certificate_request();
Columns api_service();

}  // namespace serin::apiserver::columns
