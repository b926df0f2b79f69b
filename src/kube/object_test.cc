#include "kube/object.h"

#include <gtest/gtest.h>

#include <thread>

namespace serin::kube {
namespace {

/// An object with more members than Boost.JSON looks through without an index.
std::string with_many_labels() {
  json::value doc = *json::parse(R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c","labels":{}}})");
  for (int i = 0; i < 40; ++i) json::set(doc, {"metadata", "labels", "label-" + std::to_string(i)}, "value");
  return json::dump(doc);
}

TEST(Object, TakesItsDocumentOutOfAMemoryResource) {
  std::optional<Object> object;
  {
    auto block = boost::json::make_shared_resource<boost::json::monotonic_resource>();
    object.emplace(json::value(boost::json::parse(with_many_labels(), block)));
  }
  EXPECT_EQ(object->doc().storage(), boost::json::storage_ptr());
  EXPECT_EQ(object->label("label-39"), "value");
}

TEST(Object, IsEditedByManyThreadsAtOnce) {
  Object object(json::value(
      boost::json::parse(with_many_labels(), boost::json::make_shared_resource<boost::json::monotonic_resource>())));
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([object, t] {
      std::string mine = "thread-" + std::to_string(t);
      for (int i = 0; i < 200; ++i) {
        Object edited = object.edit([&](json::value& doc) { json::set(doc, {"metadata", "labels", mine}, "here"); });
        ASSERT_EQ(edited.label(mine), "here");
        ASSERT_EQ(edited.label("label-39"), "value");
        ASSERT_EQ(json::find_object(edited.doc(), "metadata", "labels")->size(), 41u);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace serin::kube
