#pragma once

/// Times and durations as text, in the two spellings that Kubernetes objects use.

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace serin {

/// RFC 3339 in UTC with whole seconds, as metav1.Time: "2026-11-23T05:40:00Z".
std::string format_time(TimePoint time);
/// RFC 3339 in UTC with microseconds, as metav1.MicroTime.
std::string format_micro_time(TimePoint time);
/// Accepts any RFC 3339 time: fractions and offsets too.
std::optional<TimePoint> parse_time(std::string_view text);

/// A Go duration: "300ms", "1.5h", "1h30m", "-2s", "0". The units are ns, us, µs, ms, s, m, h.
std::optional<Duration> parse_duration(std::string_view text);
/// As Go's time.Duration prints it: "1h30m0s", "1.5s", "300ms", "0s".
std::string format_duration(Duration span);
/// As kubectl prints an age: the largest units only, such as "5d", "3h12m", "45s".
std::string format_age(Duration span);

}  // namespace serin
