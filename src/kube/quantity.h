#pragma once

/// Kubernetes quantities ("100m", "1.5Gi", "2e3") and values that are an integer or a percentage. Pure.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "data/json.h"

namespace serin::kube {

/// A fixed-point number between -2^63 and 2^63 with nine decimals; what is finer is rounded away from zero,
/// what is greater is capped, as Kubernetes does.
class Quantity {
 public:
  /// How it was written, which is how it is written again.
  enum class Format { kDecimal, kBinary, kExponent };

  /// kInvalid for what is not a quantity.
  static Result<Quantity> parse(std::string_view text);
  /// From a string or a number, both of which API objects hold.
  static Result<Quantity> from_json(const json::value& v);
  static Quantity of(int64_t units, Format format = Format::kDecimal);

  /// The canonical text: no fraction, the largest suffix that loses nothing: "0.5" is "500m", "1024Ki" is "1Mi".
  std::string str() const;
  /// In whole units, rounded up (away from zero).
  int64_t units() const;
  /// In thousandths, rounded up (away from zero); capped.
  int64_t milli() const;
  /// In units, as near as a double comes.
  double approximate() const;

  /// By value: 1000m equals 1.
  bool operator==(const Quantity& other) const { return nano_ == other.nano_; }
  auto operator<=>(const Quantity& other) const { return nano_ <=> other.nano_; }
  Quantity operator+(const Quantity& other) const;
  Quantity operator-(const Quantity& other) const;

 private:
  using Wide = __int128;
  Quantity(Wide nano, Format format);
  Wide nano_ = 0;
  Format format_ = Format::kDecimal;
};

/// An int-or-string field such as maxSurge: an integer as it is, "25%" as that part of `total`, rounded up or down.
/// kInvalid for anything else.
Result<int64_t> resolve_int_or_percent(const json::value& v, int64_t total, bool round_up);

}  // namespace serin::kube
