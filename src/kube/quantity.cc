#include "kube/quantity.h"

#include <algorithm>
#include <array>

#include "base/strings.h"

namespace serin::kube {
namespace {

using Wide = __int128;

constexpr Wide kNano = 1'000'000'000;
constexpr Wide kCap = (Wide(1) << 63) * kNano - kNano;  // (2^63 - 1) units

struct Suffix {
  std::string_view text;
  int exponent;  // of 10, or of 1024 for binary ones
};
constexpr std::array<Suffix, 10> kDecimal{{{"n", -9}, {"u", -6}, {"m", -3}, {"", 0}, {"k", 3}, {"M", 6}, {"G", 9},
                                           {"T", 12}, {"P", 15}, {"E", 18}}};
constexpr std::array<Suffix, 6> kBinary{{{"Ki", 1}, {"Mi", 2}, {"Gi", 3}, {"Ti", 4}, {"Pi", 5}, {"Ei", 6}}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

Wide capped(Wide nano) { return std::clamp(nano, -kCap, kCap); }

/// `value` * 10^exponent, in whole numbers rounded away from zero; saturates far above the cap.
Wide scale10(Wide value, int exponent) {
  for (; exponent > 0; --exponent) {
    if (value > kCap) return kCap + 1;
    value *= 10;
  }
  bool rest = false;
  for (; exponent < 0 && value != 0; ++exponent) {
    rest = rest || value % 10 != 0;
    value /= 10;
  }
  return value + (rest ? 1 : 0);
}

Wide divide_up(Wide value, Wide by) {
  Wide whole = value / by;
  if (value % by != 0) whole += value > 0 ? 1 : -1;
  return whole;
}

std::string digits_of(Wide value) {
  if (value < 0) return "-" + digits_of(-value);
  std::string out;
  do out += static_cast<char>('0' + static_cast<int>(value % 10));
  while ((value /= 10) > 0);
  std::reverse(out.begin(), out.end());
  return out;
}

tl::unexpected<Error> invalid(std::string_view text) {
  return fail(Code::kInvalid, concat("\"", text, "\" is not a quantity such as \"500m\", \"2\" or \"1.5Gi\""));
}

}  // namespace

Quantity::Quantity(Wide nano, Format format) : nano_(capped(nano)), format_(format) {}

Quantity Quantity::of(int64_t units, Format format) { return {units * kNano, format}; }

Result<Quantity> Quantity::parse(std::string_view text) {
  std::string_view rest = text;
  bool negative = false;
  if (!rest.empty() && (rest[0] == '+' || rest[0] == '-')) {
    negative = rest[0] == '-';
    rest.remove_prefix(1);
  }
  // The digits as one number with `decimals` of them behind the point. Digits that cannot matter are dropped.
  Wide mantissa = 0;
  int decimals = 0;
  bool any = false, point = false, lost = false;
  while (!rest.empty() && (is_digit(rest[0]) || (rest[0] == '.' && !point))) {
    char c = rest[0];
    rest.remove_prefix(1);
    if (c == '.') {
      point = true;
      continue;
    }
    any = true;
    if (mantissa > kCap) {
      lost = lost || c != '0';
      if (!point) --decimals;
      continue;
    }
    mantissa = mantissa * 10 + (c - '0');
    if (point) ++decimals;
  }
  if (!any) return invalid(text);
  if (lost) ++mantissa;

  auto result = [&](Wide nano, Format format) { return Quantity(negative ? -nano : nano, format); };
  for (const Suffix& suffix : kDecimal)
    if (rest == suffix.text) return result(scale10(mantissa, suffix.exponent - decimals + 9), Format::kDecimal);
  for (const Suffix& suffix : kBinary) {
    if (rest != suffix.text) continue;
    Wide nano = scale10(mantissa, 0);
    for (int i = 0; i < suffix.exponent && nano <= kCap; ++i) nano *= 1024;
    return result(scale10(nano, 9 - decimals), Format::kBinary);
  }
  if (rest[0] == 'e' || rest[0] == 'E') {
    rest.remove_prefix(1);
    if (!rest.empty() && rest[0] == '+') rest.remove_prefix(1);
    std::optional<int> exponent = parse_int<int>(rest);
    if (!exponent || *exponent > 1000 || *exponent < -1000) return invalid(text);
    return result(scale10(mantissa, *exponent - decimals + 9), Format::kExponent);
  }
  return invalid(text);
}

Result<Quantity> Quantity::from_json(const json::value& v) {
  if (v.is_string()) return parse(json::as_string(&v));
  if (v.is_number()) return parse(json::dump(v));
  return fail(Code::kInvalid, "a quantity must be a string or a number");
}

std::string Quantity::str() const {
  if (nano_ == 0) return "0";
  bool small = nano_ > -1024 * kNano && nano_ < 1024 * kNano;
  if (format_ == Format::kBinary && !small) {
    Wide value = divide_up(nano_, kNano);
    size_t suffix = 0;
    while (value % 1024 == 0 && suffix < kBinary.size()) value /= 1024, ++suffix;
    return digits_of(value).append(suffix == 0 ? "" : kBinary[suffix - 1].text);
  }
  Wide value = nano_;
  size_t suffix = 0;
  while (value % 1000 == 0 && suffix + 1 < kDecimal.size()) value /= 1000, ++suffix;
  if (format_ != Format::kExponent) return digits_of(value).append(kDecimal[suffix].text);
  int exponent = kDecimal[suffix].exponent;
  return exponent == 0 ? digits_of(value) : concat(digits_of(value), "e", exponent);
}

int64_t Quantity::units() const { return static_cast<int64_t>(divide_up(nano_, kNano)); }

double Quantity::approximate() const { return static_cast<double>(nano_) / static_cast<double>(kNano); }

int64_t Quantity::milli() const {
  return static_cast<int64_t>(std::clamp<Wide>(divide_up(nano_, kNano / 1000), INT64_MIN, INT64_MAX));
}

Quantity Quantity::operator+(const Quantity& other) const { return {nano_ + other.nano_, format_}; }
Quantity Quantity::operator-(const Quantity& other) const { return {nano_ - other.nano_, format_}; }

Result<int64_t> resolve_int_or_percent(const json::value& v, int64_t total, bool round_up) {
  if (std::optional<int64_t> number = json::as_int(&v)) return *number;
  std::string_view text = json::as_string(&v);
  std::optional<int64_t> percent;
  if (text.ends_with('%')) percent = parse_int<int64_t>(text.substr(0, text.size() - 1));
  if (!percent || *percent > 1'000'000 || *percent < -1'000'000)
    return fail(Code::kInvalid, concat(json::dump(v), " must be an integer or a percentage such as \"25%\""));
  Wide product = Wide(*percent) * total;
  Wide whole = product / 100;
  if (product % 100 != 0) {
    if (round_up && product > 0) ++whole;
    if (!round_up && product < 0) --whole;
  }
  return static_cast<int64_t>(whole);
}

}  // namespace serin::kube
