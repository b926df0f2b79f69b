#include "client/controller.h"

#include <algorithm>
#include <cmath>

namespace serin::client {

Duration Backoff::after(int failures) const {
  double wait = static_cast<double>(initial.count()) * std::pow(factor, std::max(0, failures - 1));
  return wait >= static_cast<double>(max.count()) ? max : Duration(static_cast<int64_t>(wait));
}

}  // namespace serin::client
