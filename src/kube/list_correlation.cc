#include "kube/list_correlation.h"

namespace serin::kube {

ListCorrelation::ListCorrelation(const Schema& list, const json::value* before) : list_(list) {
  const json::array* elements = before && list.list_type == ListType::kMap ? before->if_array() : nullptr;
  if (!elements) return;
  for (const json::value& element : *elements) by_keys_.emplace(keys_of(element), &element);
}

const json::value* ListCorrelation::find(const json::value& element) const {
  if (by_keys_.empty()) return nullptr;
  auto found = by_keys_.find(keys_of(element));
  return found == by_keys_.end() ? nullptr : found->second;
}

std::string ListCorrelation::keys_of(const json::value& element) const {
  std::string keys;
  for (const std::string& name : list_.list_keys) {
    const json::value* key = json::find(element, name);
    keys += key ? json::dump_canonical(*key) : "";
    keys += '\n';  // not in canonical JSON, so that keys do not run into one another
  }
  return keys;
}

}  // namespace serin::kube
