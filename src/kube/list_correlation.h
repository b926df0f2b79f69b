#pragma once

/// Which element of a keyed list an element was before an update: the one with the same keys. Elements of other lists have
/// no past. Pure.

#include <map>
#include <string>

#include "data/json.h"
#include "kube/schema.h"

namespace serin::kube {

class ListCorrelation {
 public:
  /// `before` is the list as it was, or null; it outlives this.
  ListCorrelation(const Schema& list, const json::value* before);
  /// Null where there was none.
  const json::value* find(const json::value& element) const;

 private:
  std::string keys_of(const json::value& element) const;

  const Schema& list_;
  std::map<std::string, const json::value*> by_keys_;
};

}  // namespace serin::kube
