// Kubernetes' quantity, semver and format libraries.

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "base/time.h"
#include "kube/cel/library.h"
#include "kube/cel/url.h"
#include "kube/names.h"
#include "kube/quantity.h"

namespace serin::kube::cel {
namespace {

// ---- quantity ----

class QuantityValue final : public Opaque {
 public:
  explicit QuantityValue(Quantity quantity) : quantity(quantity) {}
  std::string_view type_name() const override { return "kubernetes.Quantity"; }
  bool equals(const Opaque& other) const override { return quantity == static_cast<const QuantityValue&>(other).quantity; }
  Quantity quantity;
};
Value make_quantity(const Quantity& quantity) { return Value::opaque(std::make_shared<const QuantityValue>(quantity)); }
const Quantity& quantity_of(const Value& v) { return static_cast<const QuantityValue&>(v.opaque()).quantity; }

Value quantity(Args a) {
  auto parsed = Quantity::parse(a[0].text());
  return parsed ? make_quantity(*parsed)
                : Value::error("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
}
Value is_quantity(Args a) { return Value::boolean(Quantity::parse(a[0].text()).has_value()); }
int sign_of(const Quantity& a, const Quantity& b) { return a < b ? -1 : b < a ? 1 : 0; }
Value sign(Args a) { return Value::integer(sign_of(quantity_of(a[0]), Quantity::of(0))); }
Value quantity_greater(Args a) { return Value::boolean(quantity_of(a[0]) > quantity_of(a[1])); }
Value quantity_less(Args a) { return Value::boolean(quantity_of(a[0]) < quantity_of(a[1])); }
Value quantity_compare(Args a) { return Value::integer(sign_of(quantity_of(a[0]), quantity_of(a[1]))); }
Value quantity_float(Args a) { return Value::real(quantity_of(a[0]).approximate()); }
bool whole(const Quantity& q) { return Quantity::of(q.units()) == q; }
Value quantity_int(Args a) {
  const Quantity& q = quantity_of(a[0]);
  return whole(q) ? Value::integer(q.units()) : Value::error("cannot convert value to integer");
}
Value quantity_is_int(Args a) { return Value::boolean(whole(quantity_of(a[0]))); }
Value quantity_add(Args a) { return make_quantity(quantity_of(a[0]) + quantity_of(a[1])); }
Value quantity_add_int(Args a) { return make_quantity(quantity_of(a[0]) + Quantity::of(a[1].integer())); }
Value quantity_sub(Args a) { return make_quantity(quantity_of(a[0]) - quantity_of(a[1])); }
Value quantity_sub_int(Args a) { return make_quantity(quantity_of(a[0]) - Quantity::of(a[1].integer())); }

// ---- semver ----

struct Version {
  std::array<uint64_t, 3> numbers{};
  std::vector<std::string> prerelease;
  std::string build;
};

bool numeric(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}
bool identifier(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
  });
}

/// A semantic version as semver.org has it, with nothing left out.
std::optional<Version> parse_version(std::string_view text) {
  Version version;
  size_t plus = text.find('+');
  if (plus != std::string_view::npos) {
    version.build = text.substr(plus + 1);
    for (std::string_view part : split(version.build, '.'))
      if (!identifier(part)) return std::nullopt;
    text = text.substr(0, plus);
  }
  size_t dash = text.find('-');
  if (dash != std::string_view::npos) {
    for (std::string_view part : split(text.substr(dash + 1), '.')) {
      if (!identifier(part) || (numeric(part) && part.size() > 1 && part[0] == '0')) return std::nullopt;
      version.prerelease.emplace_back(part);
    }
    text = text.substr(0, dash);
  }
  std::vector<std::string_view> numbers = split(text, '.');
  if (numbers.size() != 3) return std::nullopt;
  for (size_t i = 0; i < 3; ++i) {
    auto number = parse_int<uint64_t>(numbers[i]);
    if (!numeric(numbers[i]) || !number || (numbers[i].size() > 1 && numbers[i][0] == '0')) return std::nullopt;
    version.numbers[i] = *number;
  }
  return version;
}

/// "v01.2" as "1.2.0": a leading v, leading zeros and missing numbers are forgiven.
std::optional<Version> parse_loose_version(std::string_view text) {
  if (text.starts_with('v')) text.remove_prefix(1);
  std::vector<std::string> parts;
  while (parts.size() < 2) {
    size_t dot = text.find('.');
    if (dot == std::string_view::npos) break;
    parts.emplace_back(text.substr(0, dot));
    text.remove_prefix(dot + 1);
  }
  parts.emplace_back(text);
  for (std::string& part : parts) {
    if (part.size() < 2) continue;
    part.erase(0, part.find_first_not_of('0'));
    if (part.empty() || part[0] < '0' || part[0] > '9') part.insert(0, "0");
  }
  if (parts.size() < 3 && parts.back().find_first_of("+-") != std::string::npos) return std::nullopt;
  while (parts.size() < 3) parts.emplace_back("0");
  return parse_version(join(parts, "."));
}

int compare_identifiers(std::string_view a, std::string_view b) {
  bool left = numeric(a), right = numeric(b);
  if (left && right) return a.size() != b.size() ? (a.size() < b.size() ? -1 : 1) : a.compare(b);
  if (left != right) return left ? -1 : 1;
  return a.compare(b);
}
int compare_versions(const Version& a, const Version& b) {
  if (a.numbers != b.numbers) return a.numbers < b.numbers ? -1 : 1;
  if (a.prerelease.empty() || b.prerelease.empty()) return int(a.prerelease.empty()) - int(b.prerelease.empty());
  for (size_t i = 0; i < std::min(a.prerelease.size(), b.prerelease.size()); ++i)
    if (int order = compare_identifiers(a.prerelease[i], b.prerelease[i]); order != 0) return order < 0 ? -1 : 1;
  return a.prerelease.size() == b.prerelease.size() ? 0 : a.prerelease.size() < b.prerelease.size() ? -1 : 1;
}

class SemverValue final : public Opaque {
 public:
  explicit SemverValue(Version version) : version(std::move(version)) {}
  std::string_view type_name() const override { return "kubernetes.Semver"; }
  bool equals(const Opaque& other) const override {
    return compare_versions(version, static_cast<const SemverValue&>(other).version) == 0;
  }
  Version version;
};
const Version& version_of(const Value& v) { return static_cast<const SemverValue&>(v.opaque()).version; }
std::optional<Version> read_version(Args a) {
  return a.size() > 1 && a[1].boolean() ? parse_loose_version(a[0].text()) : parse_version(a[0].text());
}
Value semver(Args a) {
  auto version = read_version(a);
  if (!version) return Value::error(concat("Invalid semantic version ", json::dump(json::value(a[0].text()))));
  return Value::opaque(std::make_shared<const SemverValue>(*std::move(version)));
}
Value is_semver(Args a) { return Value::boolean(read_version(a).has_value()); }
Value semver_greater(Args a) { return Value::boolean(compare_versions(version_of(a[0]), version_of(a[1])) > 0); }
Value semver_less(Args a) { return Value::boolean(compare_versions(version_of(a[0]), version_of(a[1])) < 0); }
Value semver_compare(Args a) { return Value::integer(compare_versions(version_of(a[0]), version_of(a[1]))); }
Value number_of(Args a, size_t i) { return Value::integer(static_cast<int64_t>(version_of(a[0]).numbers[i])); }
Value major(Args a) { return number_of(a, 0); }
Value minor(Args a) { return number_of(a, 1); }
Value patch(Args a) { return number_of(a, 2); }

// ---- format ----

using Check = std::optional<std::string> (*)(std::string_view);

/// A prefix may end in a dash, which an appended suffix follows (generateName).
std::string unmasked_dash(std::string_view text) {
  std::string out(text);
  if (out.size() > 1 && out.back() == '-') out.back() = 'a';
  return out;
}
std::optional<std::string> label_prefix(std::string_view text) { return names::dns1123_label_error(unmasked_dash(text)); }
std::optional<std::string> subdomain_prefix(std::string_view text) { return names::dns1123_subdomain_error(unmasked_dash(text)); }
std::optional<std::string> dns1035_prefix(std::string_view text) { return names::dns1035_label_error(unmasked_dash(text)); }
std::optional<std::string> said(bool good, std::string_view otherwise) {
  return good ? std::nullopt : std::optional<std::string>(otherwise);
}
std::optional<std::string> uri(std::string_view text) {
  return said(parse_url(text).has_value(), concat("parse ", json::dump(json::value(text)), ": invalid URI for request"));
}
std::optional<std::string> uuid(std::string_view text) {
  static constexpr std::string_view kShape = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  std::string plain(text);
  if (plain.size() == 32)
    for (size_t at : {8, 13, 18, 23}) plain.insert(at, "-");
  bool good = plain.size() == kShape.size();
  for (size_t i = 0; good && i < plain.size(); ++i) {
    char c = static_cast<char>(plain[i] | 0x20);
    good = kShape[i] == 'x' ? (plain[i] >= '0' && plain[i] <= '9') || (c >= 'a' && c <= 'f') : plain[i] == '-';
  }
  return said(good, "does not match the UUID format");
}
std::optional<std::string> byte(std::string_view text) { return said(base64_decode(text).has_value(), "invalid base64"); }
std::optional<std::string> date(std::string_view text) {
  return said(text.size() == 10 && parse_time(concat(text, "T00:00:00Z")).has_value(), "invalid date");
}
std::optional<std::string> datetime(std::string_view text) { return said(parse_time(text).has_value(), "invalid datetime"); }

struct NamedFormat {
  std::string_view name;
  Check check;
  size_t pattern = 0;  ///< the size of the pattern that its cost stands for
};
constexpr NamedFormat kFormats[] = {
    {"dns1123Label", names::dns1123_label_error, 30},
    {"dns1123Subdomain", names::dns1123_subdomain_error, 60},
    {"dns1035Label", names::dns1035_label_error, 30},
    {"qualifiedName", names::qualified_name_error, 60},
    {"dns1123LabelPrefix", label_prefix, 30},
    {"dns1123SubdomainPrefix", subdomain_prefix, 60},
    {"dns1035LabelPrefix", dns1035_prefix, 30},
    {"labelValue", names::label_value_error, 40},
    {"uri", uri, 1103},
    {"uuid", uuid, 70},
    {"byte", byte, 84},
    {"date", date, 71},
    {"datetime", datetime, 71},
};

class FormatValue final : public Opaque {
 public:
  explicit FormatValue(const NamedFormat& format) : format(format) {}
  std::string_view type_name() const override { return "kubernetes.NamedFormat"; }
  bool equals(const Opaque& other) const override { return format.name == static_cast<const FormatValue&>(other).format.name; }
  size_t cost_size() const override { return format.pattern; }
  NamedFormat format;
};

template <size_t I>
Value constant_format(Args) {
  return Value::opaque(std::make_shared<const FormatValue>(kFormats[I]));
}
Value named_format(Args a) {
  for (const NamedFormat& format : kFormats)
    if (format.name == a[0].text()) return Value::optional_of(Value::opaque(std::make_shared<const FormatValue>(format)));
  return Value::optional_none();
}
Value validate_format(Args a) {
  auto error = static_cast<const FormatValue&>(a[0].opaque()).format.check(a[1].text());
  if (!error) return Value::optional_none();
  return Value::optional_of(Value::list(std::vector<Value>{Value::string(*std::move(error))}));
}

constexpr Row kRows[] = {
    {"string_to_quantity", "quantity(string) Quantity", quantity, Cost::kText},
    {"is_quantity_string", "isQuantity(string) bool", is_quantity, Cost::kText},
    {"quantity_sign", "sign(Quantity) int", sign},
    {"quantity_is_greater_than", "Quantity:isGreaterThan(Quantity) bool", quantity_greater},
    {"quantity_is_less_than", "Quantity:isLessThan(Quantity) bool", quantity_less},
    {"quantity_compare_to", "Quantity:compareTo(Quantity) int", quantity_compare},
    {"quantity_get_float", "Quantity:asApproximateFloat() double", quantity_float},
    {"quantity_get_int", "Quantity:asInteger() int", quantity_int},
    {"quantity_is_integer", "Quantity:isInteger() bool", quantity_is_int},
    {"quantity_add", "Quantity:add(Quantity) Quantity", quantity_add},
    {"quantity_add_int", "Quantity:add(int) Quantity", quantity_add_int},
    {"quantity_sub", "Quantity:sub(Quantity) Quantity", quantity_sub},
    {"quantity_sub_int", "Quantity:sub(int) Quantity", quantity_sub_int},
    {"string_to_semver", "semver(string) Semver", semver, Cost::kText},
    {"string_bool_to_semver", "semver(string, bool) Semver", semver, Cost::kText},
    {"is_semver_string", "isSemver(string) bool", is_semver, Cost::kText},
    {"is_semver_string_bool", "isSemver(string, bool) bool", is_semver, Cost::kText},
    {"semver_is_greater_than", "Semver:isGreaterThan(Semver) bool", semver_greater},
    {"semver_is_less_than", "Semver:isLessThan(Semver) bool", semver_less},
    {"semver_compare_to", "Semver:compareTo(Semver) int", semver_compare},
    {"semver_major", "Semver:major() int", major},
    {"semver_minor", "Semver:minor() int", minor},
    {"semver_patch", "Semver:patch() int", patch},
    {"format-named", "format.named(string) optional(Format)", named_format},
    {"format-validate", "Format:validate(string) optional(list(string))", validate_format, Cost::kValidate},
    {"format.dns1123Label", "format.dns1123Label() Format", constant_format<0>},
    {"format.dns1123Subdomain", "format.dns1123Subdomain() Format", constant_format<1>},
    {"format.dns1035Label", "format.dns1035Label() Format", constant_format<2>},
    {"format.qualifiedName", "format.qualifiedName() Format", constant_format<3>},
    {"format.dns1123LabelPrefix", "format.dns1123LabelPrefix() Format", constant_format<4>},
    {"format.dns1123SubdomainPrefix", "format.dns1123SubdomainPrefix() Format", constant_format<5>},
    {"format.dns1035LabelPrefix", "format.dns1035LabelPrefix() Format", constant_format<6>},
    {"format.labelValue", "format.labelValue() Format", constant_format<7>},
    {"format.uri", "format.uri() Format", constant_format<8>},
    {"format.uuid", "format.uuid() Format", constant_format<9>},
    {"format.byte", "format.byte() Format", constant_format<10>},
    {"format.date", "format.date() Format", constant_format<11>},
    {"format.datetime", "format.datetime() Format", constant_format<12>},
};

}  // namespace

std::span<const Row> kubernetes_rows() { return kRows; }

}  // namespace serin::kube::cel
