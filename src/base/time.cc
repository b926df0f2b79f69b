#include "base/time.h"

#include <cmath>
#include <cstdio>

namespace serin {
namespace {

using namespace std::chrono;

std::string format_seconds(TimePoint time) {
  auto seconds_part = floor<seconds>(time);
  auto day = floor<days>(seconds_part);
  year_month_day date(day);
  hh_mm_ss clock(seconds_part - day);
  char text[40];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d", int(date.year()),
                unsigned(date.month()), unsigned(date.day()), int(clock.hours().count()),
                int(clock.minutes().count()), int(clock.seconds().count()));
  return text;
}

/// Reads exactly `digits` digits at `*at`.
std::optional<int> read_number(std::string_view text, size_t& at, int digits) {
  int value = 0;
  for (int i = 0; i < digits; ++i, ++at) {
    if (at >= text.size() || text[at] < '0' || text[at] > '9') return std::nullopt;
    value = value * 10 + (text[at] - '0');
  }
  return value;
}

bool read_char(std::string_view text, size_t& at, std::string_view any_of) {
  if (at >= text.size() || any_of.find(text[at]) == std::string_view::npos) return false;
  ++at;
  return true;
}

}  // namespace

std::string format_time(TimePoint time) { return format_seconds(time) + "Z"; }

std::string format_micro_time(TimePoint time) {
  auto fraction = duration_cast<microseconds>(time - floor<seconds>(time)).count();
  char text[16];
  std::snprintf(text, sizeof text, ".%06dZ", int(fraction));
  return format_seconds(time) + text;
}

std::optional<TimePoint> parse_time(std::string_view text) {
  size_t at = 0;
  auto y = read_number(text, at, 4);
  if (!y || !read_char(text, at, "-")) return std::nullopt;
  auto mo = read_number(text, at, 2);
  if (!mo || !read_char(text, at, "-")) return std::nullopt;
  auto d = read_number(text, at, 2);
  if (!d || !read_char(text, at, "Tt ")) return std::nullopt;
  auto h = read_number(text, at, 2);
  if (!h || *h > 23 || !read_char(text, at, ":")) return std::nullopt;
  auto mi = read_number(text, at, 2);
  if (!mi || *mi > 59 || !read_char(text, at, ":")) return std::nullopt;
  auto s = read_number(text, at, 2);
  if (!s || *s > 60) return std::nullopt;
  year_month_day date{year(*y), month(unsigned(*mo)), day(unsigned(*d))};
  if (!date.ok()) return std::nullopt;

  int64_t nanos = 0;
  if (read_char(text, at, ".")) {
    int64_t scale = 100'000'000;
    size_t start = at;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, scale /= 10)
      nanos += (text[at] - '0') * scale;
    if (at == start) return std::nullopt;
  }
  minutes offset{0};
  if (!read_char(text, at, "Zz")) {
    if (at >= text.size()) return std::nullopt;
    int sign = text[at] == '-' ? -1 : 1;
    if (!read_char(text, at, "+-")) return std::nullopt;
    auto oh = read_number(text, at, 2);
    if (!oh || !read_char(text, at, ":")) return std::nullopt;
    auto om = read_number(text, at, 2);
    if (!om) return std::nullopt;
    offset = sign * (hours(*oh) + minutes(*om));
  }
  if (at != text.size()) return std::nullopt;
  return TimePoint(sys_days(date)) + hours(*h) + minutes(*mi) + seconds(*s) + nanoseconds(nanos) -
         offset;
}

std::optional<Duration> parse_duration(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (text == "0") return Duration::zero();
  if (text.empty()) return std::nullopt;
  long double total = 0;
  while (!text.empty()) {
    size_t end = 0;
    long double number = 0, scale = 1;
    bool dot = false, digit = false;
    for (; end < text.size(); ++end) {
      char c = text[end];
      if (c == '.' && !dot) {
        dot = true;
      } else if (c >= '0' && c <= '9') {
        digit = true;
        number = number * 10 + (c - '0');
        if (dot) scale *= 10;
      } else {
        break;
      }
    }
    if (!digit) return std::nullopt;
    text.remove_prefix(end);
    size_t unit_end = 0;
    while (unit_end < text.size() && text[unit_end] != '.' &&
           !(text[unit_end] >= '0' && text[unit_end] <= '9'))
      ++unit_end;
    std::string_view unit = text.substr(0, unit_end);
    text.remove_prefix(unit_end);
    long double nanos;
    if (unit == "ns") nanos = 1;
    else if (unit == "us" || unit == "µs" || unit == "μs") nanos = 1e3L;
    else if (unit == "ms") nanos = 1e6L;
    else if (unit == "s") nanos = 1e9L;
    else if (unit == "m") nanos = 60e9L;
    else if (unit == "h") nanos = 3600e9L;
    else return std::nullopt;
    total += number / scale * nanos;
  }
  if (total > 9.2e18L) return std::nullopt;
  auto count = static_cast<int64_t>(std::llround(total));
  return Duration(negative ? -count : count);
}

std::string format_duration(Duration span) {
  if (span == Duration::zero()) return "0s";
  std::string sign = span < Duration::zero() ? "-" : "";
  if (span < Duration::zero()) span = -span;
  auto trimmed = [](long double value) {
    char text[48];
    std::snprintf(text, sizeof text, "%.9Lf", value);
    std::string out = text;
    out.erase(out.find_last_not_of('0') + 1);
    if (out.back() == '.') out.pop_back();
    return out;
  };
  if (span < 1us) return sign + std::to_string(span.count()) + "ns";
  if (span < 1ms) return sign + trimmed(span.count() / 1e3L) + "µs";
  if (span < 1s) return sign + trimmed(span.count() / 1e6L) + "ms";
  std::string out = sign;
  auto h = duration_cast<hours>(span);
  auto m = duration_cast<minutes>(span - h);
  if (h.count() > 0) out += std::to_string(h.count()) + "h";
  if (h.count() > 0 || m.count() > 0) out += std::to_string(m.count()) + "m";
  return out + trimmed((span - h - m).count() / 1e9L) + "s";
}

// k8s.io/apimachinery util/duration HumanDuration.
std::string format_age(Duration span) {
  int64_t s = duration_cast<seconds>(span).count();
  if (s < 0) return s >= -1 ? "0s" : "<invalid>";
  auto pair = [](int64_t a, const char* ua, int64_t b, const char* ub) {
    std::string out = std::to_string(a) + ua;
    return b == 0 ? out : out + std::to_string(b) + ub;
  };
  if (s < 120) return std::to_string(s) + "s";
  int64_t m = s / 60;
  if (m < 10) return pair(m, "m", s % 60, "s");
  if (m < 180) return std::to_string(m) + "m";
  int64_t h = m / 60;
  if (h < 8) return pair(h, "h", m % 60, "m");
  if (h < 48) return std::to_string(h) + "h";
  int64_t d = h / 24;
  if (h < 192) return pair(d, "d", h % 24, "h");
  if (d < 730) return std::to_string(d) + "d";
  int64_t y = d / 365;
  if (d < 365 * 8) return pair(y, "y", d % 365, "d");
  return std::to_string(y) + "y";
}

}  // namespace serin
