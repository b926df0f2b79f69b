#pragma once

/// Documents in a few blocks of memory of their own: quicker to make and to drop than those that allocate value by
/// value.

#include "data/json.h"

namespace serin::json {

/// A copy for a document that is completed and then read: what is removed from it takes room until all of it goes.
inline value copy_in_block(const value& v) {
  constexpr size_t kFirstBlock = 6 << 10;  // most objects need no second one
  return value(v, boost::json::make_shared_resource<boost::json::monotonic_resource>(kFirstBlock));
}

}  // namespace serin::json
