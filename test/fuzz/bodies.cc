// The bytes are a request's body. Looking for repeated members ends on any text; what reads as JSON passes the check of
// what is stored, and reads the same from its own text; what reads as YAML with repeated keys refused reads the same with them allowed, and from its own text.

#include <cstdlib>
#include <string_view>

#include "apiserver/http/body.h"
#include "data/json_check.h"
#include "data/yaml.h"

namespace json = serin::json;
namespace yaml = serin::yaml;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  if (auto parsed = json::parse(text)) {
    serin::apiserver::duplicate_members(text);
    if (!json::check(text, json::kMaxDepth)) std::abort();
    auto again = json::parse(json::dump(*parsed));
    if (!again || json::dump(*again) != json::dump(*parsed)) std::abort();
    if (!serin::apiserver::duplicate_members(json::dump(*parsed)).empty()) std::abort();
  }
  if (auto strict = yaml::parse(text, true)) {
    auto lenient = yaml::parse(text, false);
    if (!lenient || *lenient != *strict) std::abort();
    auto again = yaml::parse(yaml::dump(*strict), true);
    if (!again || json::dump(*again) != json::dump(*strict)) std::abort();
  }
  return 0;
}
