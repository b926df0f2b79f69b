#include "kube/cron_schedule.h"

#include <algorithm>
#include <vector>

#include "base/strings.h"
#include "base/time.h"

namespace serin::kube {
namespace {

struct FieldRule {
  int least, most;
  std::vector<std::string_view> names;  ///< of `least` and what follows
};

const FieldRule kFields[] = {{0, 59, {}},
                             {0, 23, {}},
                             {1, 31, {}},
                             {1, 12, {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
                             {0, 6, {"sun", "mon", "tue", "wed", "thu", "fri", "sat"}}};

/// A number or a name; the error is in `wrong`.
std::optional<int> number_of(std::string_view text, const FieldRule& rule, std::string& wrong) {
  auto named = std::find(rule.names.begin(), rule.names.end(), lower(text));
  if (named != rule.names.end()) return rule.least + static_cast<int>(named - rule.names.begin());
  auto number = parse_int<int>(text);
  if (!number) wrong = concat("failed to parse int from ", text, ": strconv.Atoi: parsing \"", text, "\": invalid syntax");
  else if (*number < 0) wrong = concat("negative number (", *number, ") not allowed: ", text);
  return number && *number >= 0 ? number : std::nullopt;
}

/// One of the comma-separated parts of a field: "*", "5", "1-5", each with "/step".
std::optional<std::string> part_error(std::string_view part, const FieldRule& rule) {
  std::string wrong;
  std::vector<std::string_view> stepped = split(part, '/');
  std::vector<std::string_view> range = split(stepped[0], '-');
  int first = rule.least, last = rule.most;
  if (range[0] == "*" || range[0] == "?") {
    if (range.size() > 1) return concat("failed to parse int from ", range[0], ": strconv.Atoi: parsing \"", range[0], "\": invalid syntax");
  } else {
    auto start = number_of(range[0], rule, wrong);
    if (!start) return wrong;
    first = last = *start;
    if (range.size() > 2) return concat("too many hyphens: ", part);
    if (range.size() == 2) {
      auto end = number_of(range[1], rule, wrong);
      if (!end) return wrong;
      last = *end;
    }
  }
  if (stepped.size() > 2) return concat("too many slashes: ", part);
  if (stepped.size() == 2) {
    auto step = number_of(stepped[1], {0, 0, {}}, wrong);
    if (!step) return wrong;
    if (range.size() == 1) last = rule.most;
    if (*step == 0) return concat("step of range should be a positive number: ", part);
  }
  if (first < rule.least) return concat("beginning of range (", first, ") below minimum (", rule.least, "): ", part);
  if (last > rule.most) return concat("end of range (", last, ") above maximum (", rule.most, "): ", part);
  if (first > last) return concat("beginning of range (", first, ") beyond end of range (", last, "): ", part);
  return std::nullopt;
}

std::optional<std::string> macro_error(std::string_view schedule) {
  for (std::string_view known : {"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"})
    if (schedule == known) return std::nullopt;
  constexpr std::string_view kEvery = "@every ";
  if (schedule.starts_with(kEvery)) {
    if (parse_duration(schedule.substr(kEvery.size()))) return std::nullopt;
    return concat("failed to parse duration ", schedule);
  }
  return concat("unrecognized descriptor: ", schedule);
}

}  // namespace

std::optional<std::string> cron_schedule_error(std::string_view schedule) {
  if (schedule.empty()) return "empty spec string";
  if (schedule.starts_with('@')) return macro_error(schedule);
  std::vector<std::string> fields;
  std::string clean(schedule);
  std::replace(clean.begin(), clean.end(), '\t', ' ');
  for (std::string_view field : split(clean, ' '))
    if (!field.empty()) fields.emplace_back(field);
  if (fields.size() != std::size(kFields))
    return concat("expected exactly 5 fields, found ", fields.size(), ": [", join(fields, " "), "]");
  for (size_t i = 0; i < fields.size(); ++i)
    for (std::string_view part : split(fields[i], ','))
      if (auto wrong = part.empty() ? std::nullopt : part_error(part, kFields[i])) return wrong;
  return std::nullopt;
}

}  // namespace serin::kube
