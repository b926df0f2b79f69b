#include "kube/validate_kinds.h"

#include <arpa/inet.h>

#include "kube/selector.h"

namespace serin::kube {

const json::value& or_null(const json::value* v) {
  static const json::value kNull;
  return v ? *v : kNull;
}

bool changed(const Subject& s, json::Path path) {
  return s.old && or_null(json::find_at(s.object, path)) != or_null(json::find_at(*s.old, path));
}

void check_immutable(const Subject& s, json::Path path, Causes& causes, std::string_view detail) {
  if (!changed(s, path)) return;
  std::string field;
  for (std::string_view step : path) field += (field.empty() ? "" : ".") + std::string(step);
  causes.invalid(std::move(field), or_null(json::find_at(s.object, path)), detail);
}

void check_least(const json::value& object, json::Path path, int64_t least, Causes& causes) {
  const json::value* found = json::find_at(object, path);
  if (!found || json::as_int(found).value_or(least) >= least) return;
  std::string field;
  for (std::string_view step : path) field += (field.empty() ? "" : ".") + std::string(step);
  causes.invalid(std::move(field), *found, concat("must be greater than or equal to ", least));
}

void check_int_or_percent(const json::value* v, std::string path, bool at_most_all, Causes& causes) {
  if (!v) return;
  if (auto number = json::as_int(v)) {
    if (*number < 0) causes.invalid(path, *v, "must be greater than or equal to 0");
    return;
  }
  std::string_view text = json::as_string(v);
  bool percent = text.size() > 1 && text.back() == '%' && text.find_first_not_of("0123456789") == text.size() - 1;
  if (!percent)
    causes.invalid(std::move(path), *v,
                   "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  "
                   "or '93%', regex used for validation is '[0-9]+%')");
  else if (at_most_all && parse_int<int64_t>(text.substr(0, text.size() - 1)).value_or(101) > 100)
    causes.invalid(std::move(path), *v, "must not be greater than 100%");
}

void check_selector(const json::value* selector, std::string path, Causes& causes) {
  if (!selector || !selector->is_object()) return;
  if (auto parsed = LabelSelector::from_object(selector); !parsed) causes.invalid(std::move(path), *selector, parsed.error().message);
}

bool is_ipv4(std::string_view text) {
  in_addr address{};
  return ::inet_pton(AF_INET, std::string(text).c_str(), &address) == 1;
}

bool is_ipv6(std::string_view text) {
  in6_addr address{};
  return ::inet_pton(AF_INET6, std::string(text).c_str(), &address) == 1;
}

bool is_cidr(std::string_view text) {
  auto parts = cut(text, '/');
  auto bits = parts ? parse_int<int>(parts->second) : std::nullopt;
  if (!bits || *bits < 0) return false;
  return (is_ipv4(parts->first) && *bits <= 32) || (is_ipv6(parts->first) && *bits <= 128);
}

}  // namespace serin::kube
