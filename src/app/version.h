#pragma once

namespace serin::app {

inline constexpr const char* kVersion = "0.1.0";

}  // namespace serin::app
