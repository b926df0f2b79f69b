#pragma once

/// The schedules of CronJobs: five fields of cron, or a macro such as "@daily". Pure.

#include <optional>
#include <string>
#include <string_view>

namespace serin::kube {

/// What is wrong with a schedule, in the words of the parser that Kubernetes uses (robfig/cron); nullopt where it reads.
std::optional<std::string> cron_schedule_error(std::string_view schedule);

}  // namespace serin::kube
