// Timestamps: from text, and their parts. Zones are UTC or an offset such as "-08:00"; named zones are an error, as this
// module reads no files.

#include <charconv>

#include "base/strings.h"
#include "base/time.h"
#include "kube/cel/library.h"

namespace serin::kube::cel {
namespace {

using std::chrono::days;

/// "YYYY-MM-DDTHH:MM:SS[.fraction](Z|±HH:MM)" as RFC 3339 has it.
Value parse_timestamp(std::string_view text) {
  auto bad = [&] { return Value::error("type conversion error from 'string' to 'google.protobuf.Timestamp'"); };
  auto number = [&](size_t at, size_t size) -> int {
    int v = -1;
    if (at + size > text.size()) return -1;
    auto [end, error] = std::from_chars(text.data() + at, text.data() + at + size, v);
    return error == std::errc() && end == text.data() + at + size ? v : -1;
  };
  if (text.size() < 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':') return bad();
  int year = number(0, 4), month = number(5, 2), day = number(8, 2), hour = number(11, 2), minute = number(14, 2), second = number(17, 2);
  std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(unsigned(month)), std::chrono::day(unsigned(day))};
  if (year < 0 || month < 1 || day < 1 || !date.ok() || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59)
    return bad();
  size_t at = 19;
  int64_t nanos = 0;
  if (text[at] == '.' || text[at] == ',') {
    int64_t unit = 100'000'000;
    size_t start = ++at;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, unit /= 10) nanos += (text[at] - '0') * unit;
    if (at == start) return bad();
  }
  int64_t offset = 0;
  std::string_view zone = text.substr(at);
  if (zone != "Z") {
    int hours = number(at + 1, 2), minutes = number(at + 4, 2);
    if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':' || hours < 0 || hours > 24 || minutes < 0 || minutes > 60)
      return bad();
    offset = (zone[0] == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
  }
  int64_t seconds = std::chrono::sys_days(date).time_since_epoch().count() * int64_t{86400} + hour * 3600 + minute * 60 + second - offset;
  if (seconds < -62135596800 || seconds > 253402300799) return Value::error("timestamp overflow");
  return Value::timestamp(seconds, static_cast<int32_t>(nanos));
}

Value to_timestamp(Args a) { return parse_timestamp(a[0].text()); }

/// A time of day somewhere.
struct Local {
  std::chrono::year_month_day date;
  std::chrono::sys_days day;
  int64_t second = 0;  ///< of the day
};

std::optional<int64_t> zone_offset(std::string_view zone) {
  if (zone.empty() || zone == "UTC") return 0;
  auto parts = cut(zone, ':');
  if (!parts) return std::nullopt;
  std::string_view hours = parts->first;
  if (hours.starts_with('+')) hours.remove_prefix(1);
  auto h = parse_int<int>(hours), m = parse_int<int>(parts->second);
  if (!h || !m || *h < -24 || *h > 24 || *m < 0 || *m > 60) return std::nullopt;
  return (*h < 0 || zone.starts_with('-') ? *h * 60 - *m : *h * 60 + *m) * int64_t{60};
}

template <class Part>
Value part(Args a, Part get) {
  int64_t offset = 0;
  if (a.size() > 1) {
    auto found = zone_offset(a[1].text());
    if (!found) return Value::error(concat("unknown time zone ", a[1].text()));
    offset = *found;
  }
  auto time = std::chrono::sys_seconds(std::chrono::seconds(a[0].seconds() + offset));
  auto day = std::chrono::floor<days>(time);
  return Value::integer(get(Local{std::chrono::year_month_day(day), day, (time - day).count()}));
}

Value full_year(Args a) {
  return part(a, [](const Local& t) -> int64_t { return int(t.date.year()); });
}
Value month(Args a) {
  return part(a, [](const Local& t) -> int64_t { return unsigned(t.date.month()) - 1; });
}
Value day_of_year(Args a) {
  return part(a, [](const Local& t) -> int64_t {
    return (t.day - std::chrono::sys_days(t.date.year() / std::chrono::January / 1)).count();
  });
}
Value day_of_month(Args a) {
  return part(a, [](const Local& t) -> int64_t { return unsigned(t.date.day()) - 1; });
}
Value date(Args a) {
  return part(a, [](const Local& t) -> int64_t { return unsigned(t.date.day()); });
}
Value day_of_week(Args a) {
  return part(a, [](const Local& t) -> int64_t { return std::chrono::weekday(t.day).c_encoding(); });
}
Value hours(Args a) {
  return part(a, [](const Local& t) -> int64_t { return t.second / 3600; });
}
Value minutes(Args a) {
  return part(a, [](const Local& t) -> int64_t { return t.second / 60 % 60; });
}
Value seconds(Args a) {
  return part(a, [](const Local& t) -> int64_t { return t.second % 60; });
}
Value milliseconds(Args a) {
  int64_t millis = a[0].nanos() / 1'000'000;
  return part(a, [&](const Local&) -> int64_t { return millis; });
}

Value duration_hours(Args a) { return Value::integer(a[0].duration() / 3'600'000'000'000); }
Value duration_minutes(Args a) { return Value::integer(a[0].duration() / 60'000'000'000); }
Value duration_seconds(Args a) { return Value::integer(a[0].duration() / 1'000'000'000); }
Value duration_milliseconds(Args a) { return Value::integer(a[0].duration() / 1'000'000); }

constexpr Row kRows[] = {
    {"string_to_timestamp", "timestamp(string) timestamp", to_timestamp},
#define SERIN_CEL_PART(name, run) \
  {"timestamp_to_" #run, "timestamp:" name "() int", run}, { "timestamp_to_" #run "_with_tz", "timestamp:" name "(string) int", run }
    SERIN_CEL_PART("getFullYear", full_year),
    SERIN_CEL_PART("getMonth", month),
    SERIN_CEL_PART("getDayOfYear", day_of_year),
    SERIN_CEL_PART("getDayOfMonth", day_of_month),
    SERIN_CEL_PART("getDate", date),
    SERIN_CEL_PART("getDayOfWeek", day_of_week),
    SERIN_CEL_PART("getHours", hours),
    SERIN_CEL_PART("getMinutes", minutes),
    SERIN_CEL_PART("getSeconds", seconds),
    SERIN_CEL_PART("getMilliseconds", milliseconds),
#undef SERIN_CEL_PART
    {"duration_to_hours", "duration:getHours() int", duration_hours},
    {"duration_to_minutes", "duration:getMinutes() int", duration_minutes},
    {"duration_to_seconds", "duration:getSeconds() int", duration_seconds},
    {"duration_to_milliseconds", "duration:getMilliseconds() int", duration_milliseconds},
};

}  // namespace

std::span<const Row> time_rows() { return kRows; }

Value timestamp_of(std::string_view text) { return parse_timestamp(text); }

}  // namespace serin::kube::cel
