#include "apiserver/stored_object.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace serin::apiserver {
namespace {

EntryPtr entry_of(Revision revision, size_t size) {
  auto entry = std::make_shared<Entry>();
  entry->revision = revision;
  entry->bytes = R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"x":")" + std::string(size, 'x') + "\"}}";
  return entry;
}

/// How many of `count` entries a cache holds after it has seen all of them.
size_t held(size_t capacity, size_t count, size_t size) {
  ObjectCache cache(capacity);
  std::vector<std::weak_ptr<const Entry>> entries;
  for (size_t i = 1; i <= count; ++i) {
    EntryPtr entry = entry_of(i, size);
    entries.push_back(entry);
    EXPECT_EQ(cache.get(entry).version().value, i);
  }
  EXPECT_FALSE(entries.back().expired());
  return size_t(std::count_if(entries.begin(), entries.end(), [](const auto& entry) { return !entry.expired(); }));
}

TEST(ObjectCache, HoldsWhatFitsByTheMemoryOfParsedObjectsWhateverTheirSize) {
  size_t small = held(1 << 20, 1000, 10), large = held(1 << 20, 1000, 10'000);
  EXPECT_GT(small, 300u);
  EXPECT_LT(small, 600u);  // a tree of values takes some kilobytes even where its text is short
  EXPECT_GT(large, 20u);
  EXPECT_LT(large, 40u);
  EXPECT_EQ(held(1, 10, 10), 1u);  // the latest always
}

}  // namespace
}  // namespace serin::apiserver
