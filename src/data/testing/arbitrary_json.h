#pragma once

/// Arbitrary JSON documents for property tests.

#include <rapidcheck.h>

#include <string>

#include "data/json.h"

namespace serin::json::testing {

struct Shape {
  int depth = 4;
  bool nulls = true;
  /// Member names and texts are drawn from these, so that two documents often meet in the same place.
  std::vector<std::string> names = {"a", "b", "c", "metadata", "1", "a/b", "m~n", ""};
  std::vector<std::string> texts = {"", "x", "yes", "No", "0777", "1e3", "null", "~", "a: b", "#c", "two\nlines\n"};
};

/// A value drawn inside a rapidcheck property.
inline value draw(const Shape& shape, int depth) {
  switch (*rc::gen::inRange(depth > 0 ? 0 : 2, 7)) {
    case 0: {
      object members;
      for (int i = *rc::gen::inRange(0, 4); i > 0; --i)
        members[*rc::gen::elementOf(shape.names)] = draw(shape, depth - 1);
      return members;
    }
    case 1: {
      array list;
      for (int i = *rc::gen::inRange(0, 4); i > 0; --i) list.push_back(draw(shape, depth - 1));
      return list;
    }
    case 2: return value(*rc::gen::arbitrary<int64_t>());
    case 3: return value(*rc::gen::arbitrary<bool>());
    case 4: return value(static_cast<double>(*rc::gen::inRange(-1000, 1000)) + 0.5);
    case 5: return shape.nulls ? value(nullptr) : value(0);
    default: return value(*rc::gen::elementOf(shape.texts));
  }
}

inline rc::Gen<value> arbitrary(Shape shape = {}) {
  return rc::gen::exec([shape] { return draw(shape, shape.depth); });
}

}  // namespace serin::json::testing

namespace rc {
inline void showValue(const serin::json::value& v, std::ostream& out) { out << serin::json::dump(v); }
}  // namespace rc
