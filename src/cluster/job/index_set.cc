#include "cluster/job/index_set.h"

#include "base/strings.h"

namespace serin::cluster {

IndexSet parse_indexes(std::string_view text, int64_t completions) {
  IndexSet indexes;
  if (text.empty()) return indexes;
  for (std::string_view part : split(text, ',')) {
    auto range = cut(part, '-');
    std::optional<int64_t> first = parse_int<int64_t>(range ? range->first : part);
    std::optional<int64_t> last = range ? parse_int<int64_t>(range->second) : first;
    if (!first || !last || *first < 0) continue;
    for (int64_t index = *first; index <= *last && index < completions; ++index) indexes.insert(index);
  }
  return indexes;
}

std::string format_indexes(const IndexSet& indexes) {
  std::string text;
  for (auto at = indexes.begin(); at != indexes.end();) {
    int64_t first = *at, last = first;
    while (++at != indexes.end() && *at == last + 1) ++last;
    if (!text.empty()) text += ',';
    text += std::to_string(first);
    if (last > first) text += concat(last == first + 1 ? "," : "-", last);
  }
  return text;
}

}  // namespace serin::cluster
