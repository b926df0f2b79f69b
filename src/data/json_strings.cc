#include "data/json_strings.h"

namespace serin::json {

array from_strings(const std::vector<std::string>& list) { return array(list.begin(), list.end()); }

std::vector<std::string> to_strings(const array& list) {
  std::vector<std::string> out;
  for (const value& one : list)
    if (one.is_string()) out.emplace_back(one.get_string());
  return out;
}

}  // namespace serin::json
