// The bytes are a label selector and a field selector, split at the first newline. What parses is written back and read
// again to the same, and selects the same.

#include <cstdlib>
#include <string_view>

#include "kube/selector.h"

using serin::kube::FieldSelector;
using serin::kube::LabelSelector;
namespace json = serin::json;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const json::value kLabels = json::object{{"app", "web"}, {"a", ""}, {"example.com/tier", "1"}};
  static const json::value kObject = json::object{{"metadata", json::object{{"name", "x"}}}, {"spec", json::object{{"n", 1}}}};
  std::string_view text(reinterpret_cast<const char*>(data), size);
  size_t line = text.find('\n');
  std::string_view labels = text.substr(0, line), fields = line == text.npos ? std::string_view() : text.substr(line + 1);
  if (auto parsed = LabelSelector::parse(labels)) {
    auto again = LabelSelector::parse(parsed->str());
    if (!again || again->str() != parsed->str() || again->matches(&kLabels) != parsed->matches(&kLabels)) std::abort();
  }
  if (auto parsed = FieldSelector::parse(fields)) {
    auto again = FieldSelector::parse(parsed->str());
    if (!again || again->str() != parsed->str() || again->matches(kObject) != parsed->matches(kObject)) std::abort();
  }
  return 0;
}
