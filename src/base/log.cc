#include "base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <string>

namespace serin::log {
namespace {

spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> instance = [] {
    auto made = spdlog::stderr_color_mt("serin");
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %^%L%$ %v", spdlog::pattern_time_type::utc);
    return made;
  }();
  return *instance;
}

void write(spdlog::level::level_enum level, std::string_view component, std::string_view message,
           Fields fields) {
  if (!logger().should_log(level)) return;
  std::string line;
  line.append(component).append(": ").append(message);
  for (const auto& [key, value] : fields) {
    line.append(" ").append(key).append("=");
    bool quote = value.empty() || value.find_first_of(" \t\n\"") != std::string_view::npos;
    if (!quote) {
      line.append(value);
      continue;
    }
    line += '"';
    for (char c : value) {
      if (c == '"' || c == '\\') line += '\\';
      if (c == '\n') line += "\\n";
      else line += c;
    }
    line += '"';
  }
  logger().log(level, "{}", line);
}

}  // namespace

void set_level(Level level) {
  constexpr spdlog::level::level_enum kLevels[] = {spdlog::level::debug, spdlog::level::info,
                                                   spdlog::level::warn, spdlog::level::err};
  logger().set_level(kLevels[static_cast<int>(level)]);
}

void debug(std::string_view component, std::string_view message, Fields fields) {
  write(spdlog::level::debug, component, message, fields);
}
void info(std::string_view component, std::string_view message, Fields fields) {
  write(spdlog::level::info, component, message, fields);
}
void warning(std::string_view component, std::string_view message, Fields fields) {
  write(spdlog::level::warn, component, message, fields);
}
void error(std::string_view component, std::string_view message, Fields fields) {
  write(spdlog::level::err, component, message, fields);
}

}  // namespace serin::log
