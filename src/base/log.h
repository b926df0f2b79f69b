#pragma once

/// Structured log lines on standard error, for people who operate Serin. State and decisions belong in API
/// objects and metrics; nothing may depend on a log line. Never pass a secret.
///
///   log::info("rollout", "step reached", {{"rollout", "demo/provider"}, {"step", "2/4"}});

#include <initializer_list>
#include <string_view>
#include <utility>

namespace serin::log {

enum class Level { kDebug, kInfo, kWarning, kError };
using Fields = std::initializer_list<std::pair<std::string_view, std::string_view>>;

/// Lines below `level` are dropped. The default is kInfo.
void set_level(Level level);

void debug(std::string_view component, std::string_view message, Fields fields = {});
void info(std::string_view component, std::string_view message, Fields fields = {});
void warning(std::string_view component, std::string_view message, Fields fields = {});
void error(std::string_view component, std::string_view message, Fields fields = {});

}  // namespace serin::log
