#pragma once

/// The part of JSONPath that printer columns use: members, ['quoted'] members, [N], [*], and filters
/// [?(@.a.b=="c")] (also != and bare existence). Pure.

#include <string>
#include <string_view>
#include <vector>

#include "data/json.h"

namespace serin::apiserver {

class JsonPath {
 public:
  /// kInvalid for what is not of that part.
  static Result<JsonPath> parse(std::string_view text);
  /// Everything the path leads to, in document order.
  std::vector<const json::value*> find(const json::value& doc) const;

 private:
  struct Step {
    enum class Kind { kMember, kIndex, kAll, kFilter } kind;
    std::string member;
    int64_t index = 0;
    std::vector<std::string> path;  ///< kFilter: below @
    enum class Test { kEqual, kUnequal, kExists } test = Test::kExists;
    json::value wanted;
    bool admits(const json::value&) const;
  };
  std::vector<Step> steps_;
};

}  // namespace serin::apiserver
