#include "kube/protobuf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/strings.h"

namespace serin::kube {
namespace {

std::string number(int field, uint64_t value) {
  std::string out(1, static_cast<char>(field << 3));
  for (; value > 0x7f; value >>= 7) out += static_cast<char>(0x80 | (value & 0x7f));
  return out + static_cast<char>(value);
}

/// A message, string or bytes of fewer than 128 bytes, in a field below 16.
std::string part(int field, const std::string& bytes) {
  return concat(std::string(1, static_cast<char>(field << 3 | 2)), std::string(1, static_cast<char>(bytes.size())), bytes);
}

std::string envelope(const std::string& api_version, const std::string& kind, const std::string& message) {
  return std::string("k8s\0", 4) + part(1, part(1, api_version) + part(2, kind)) + part(2, message) + part(3, "") + part(4, "");
}

std::string text_of(const std::string& bytes) {
  auto read = object_from_protobuf(bytes);
  return read ? json::dump(*read) : read.error().message;
}

TEST(Protobuf, ANamespaceAsKubectlSendsIt) {
  std::string metadata = part(1, "demo") + part(2, "") + part(3, "") + part(4, "") + part(5, "") + part(6, "") +
                         number(7, 0) + part(8, "");
  EXPECT_EQ(text_of(envelope("v1", "Namespace", part(1, metadata) + part(2, "") + part(3, part(1, "")))),
            R"({"apiVersion":"v1","kind":"Namespace","metadata":{"name":"demo"},"spec":{},"status":{}})");
}

TEST(Protobuf, MapsListsAndInlinedMessages) {
  std::string data = part(2, part(1, "a") + part(2, "")) + part(2, part(1, "b") + part(2, "2"));
  EXPECT_EQ(text_of(envelope("v1", "ConfigMap", data)),
            R"({"apiVersion":"v1","kind":"ConfigMap","data":{"a":"","b":"2"}})");

  std::string get = part(1, "/ready") + part(2, number(1, 1) + number(2, 0) + part(3, "http"));
  std::string probe = part(1, part(2, get)) + number(2, 0) + number(3, 0) + number(4, 7);
  std::string container = part(1, "main") + part(3, "sh") + part(3, "") + part(11, probe);
  std::string doc = text_of(envelope("v1", "Pod", part(2, part(2, container) + number(4, 0) + number(11, 0))));
  EXPECT_EQ(doc,
            R"({"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"name":"main","command":["sh",""],"readinessProbe":)"
            R"({"httpGet":{"path":"/ready","port":"http"},"periodSeconds":7}}],"terminationGracePeriodSeconds":0}})");
}

TEST(Protobuf, AZeroThatWasMeantStays) {
  EXPECT_EQ(text_of(envelope("apps/v1", "Deployment", part(2, number(1, 0) + number(5, 0)))),
            R"({"apiVersion":"apps/v1","kind":"Deployment","spec":{"replicas":0}})");
  EXPECT_EQ(text_of(envelope("v1", "DeleteOptions", number(1, 0) + part(4, "Background"))),
            R"({"apiVersion":"v1","kind":"DeleteOptions","gracePeriodSeconds":0,"propagationPolicy":"Background"})");
}

TEST(Protobuf, QuantitiesTimesAndBytes) {
  std::string secret = part(1, part(8, number(1, 86400))) + part(2, part(1, "k") + part(2, "\x01\x02"));
  EXPECT_EQ(text_of(envelope("v1", "Secret", secret)),
            R"({"apiVersion":"v1","kind":"Secret","metadata":{"creationTimestamp":"1970-01-02T00:00:00Z"},"data":{"k":"AQI="}})");
  std::string resources = part(8, part(1, part(1, "cpu") + part(2, part(1, "100m"))));
  EXPECT_THAT(text_of(envelope("v1", "Pod", part(2, part(2, part(1, "c") + resources)))),
              testing::HasSubstr(R"("resources":{"limits":{"cpu":"100m"}})"));
}

json::value doc(std::string_view text) { return json::parse(text).value(); }

TEST(Protobuf, WritesWhatGoHoldsByValueAndLeavesOutAbsentPointers) {
  // metadata, with its eight values; spec: replicas is a pointer; template, strategy and minReadySeconds are not.
  auto bytes = protobuf_from_object(doc(R"({"apiVersion":"v1","kind":"Namespace","metadata":{"name":"demo"}})"));
  ASSERT_TRUE(bytes);
  std::string metadata = part(1, "demo") + part(2, "") + part(3, "") + part(4, "") + part(5, "") + part(6, "") +
                         number(7, 0) + part(8, "");
  EXPECT_EQ(*bytes, envelope("v1", "Namespace", part(1, metadata) + part(2, "") + part(3, part(1, ""))));
  EXPECT_EQ(protobuf_from_object(doc(R"({"apiVersion":"v1","kind":"DeleteOptions","gracePeriodSeconds":0})")).value(),
            envelope("v1", "DeleteOptions", number(1, 0)));
}

TEST(Protobuf, WritesMapsSortedAndMessagesOfAnyLength) {
  std::string longer(300, 'x');
  auto bytes = protobuf_from_object(doc(concat(R"({"apiVersion":"v1","kind":"ConfigMap","data":{"b":"2","a":")", longer, "\"}}")));
  ASSERT_TRUE(bytes);
  EXPECT_LT(bytes->find(longer), bytes->find(part(1, "b") + part(2, "2")));
  EXPECT_EQ(json::dump(object_from_protobuf(*bytes).value()),
            concat(R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{},"data":{"a":")", longer, R"(","b":"2"}})"));
}

TEST(Protobuf, AListItemByItemIsTheListAsAWhole) {
  json::value one = doc(R"({"metadata":{"name":"a"},"data":{"k":"v"}})"), two = doc(R"({"metadata":{"name":"b"}})");
  json::value metadata = doc(R"({"resourceVersion":"7","remainingItemCount":3})");
  auto list = ProtobufList::begin("v1", "ConfigMapList", metadata);
  ASSERT_TRUE(list);
  list->add(one);
  list->add(two);
  json::object whole{{"apiVersion", "v1"}, {"kind", "ConfigMapList"}, {"metadata", metadata}, {"items", json::array{one, two}}};
  EXPECT_EQ(list->finish(), protobuf_from_object(json::value(whole)).value());
}

TEST(Protobuf, KindsWithoutAMessageAreNotWritten) {
  EXPECT_TRUE(failed_with(protobuf_from_object(doc(R"({"apiVersion":"argoproj.io/v1alpha1","kind":"Rollout"})")), Code::kNotAcceptable));
  EXPECT_TRUE(failed_with(protobuf_from_object(doc(R"({"apiVersion":"meta.k8s.io/v1","kind":"Table"})")), Code::kNotAcceptable));
  EXPECT_TRUE(has_protobuf("meta.k8s.io/v1", "PartialObjectMetadataList"));
  EXPECT_TRUE(has_protobuf("authentication.k8s.io/v1", "TokenRequest"));
  EXPECT_TRUE(has_protobuf("policy/v1", "Eviction"));
  EXPECT_TRUE(has_protobuf("autoscaling/v1", "Scale"));
}

TEST(Protobuf, AValueOfAnotherTypeIsNotWritten) {
  EXPECT_EQ(protobuf_from_object(doc(R"({"apiVersion":"v1","kind":"ConfigMap","data":[1],"extra":{}})")).value(),
            protobuf_from_object(doc(R"({"apiVersion":"v1","kind":"ConfigMap"})")).value());
}

TEST(Protobuf, AWatchEventIsFramed) {
  EXPECT_EQ(protobuf_watch_frame("ADDED", "abc"), std::string("\0\0\0\x0e", 4) + part(1, "ADDED") + part(2, part(1, "abc")));
}

TEST(Protobuf, RefusesWhatItCannotRead) {
  EXPECT_TRUE(failed_with(object_from_protobuf(envelope("argoproj.io/v1alpha1", "Rollout", "")), Code::kUnsupportedMediaType));
  EXPECT_TRUE(failed_with(object_from_protobuf("{}"), Code::kBadRequest));
  std::string whole = envelope("v1", "ConfigMap", part(2, part(1, "a") + part(2, "1")));
  // Cut anywhere it is refused or read as less, never read beyond its end.
  for (size_t size = 0; size < whole.size(); ++size) (void)object_from_protobuf(std::string(whole, 0, size));
  EXPECT_TRUE(failed_with(object_from_protobuf(whole.substr(0, 8)), Code::kBadRequest));
  EXPECT_TRUE(failed_with(object_from_protobuf(envelope("v1", "ConfigMap", part(2, part(1, "a") + part(2, "\xff")))), Code::kBadRequest));
  EXPECT_TRUE(failed_with(object_from_protobuf(envelope("v1", "Event", part(1, part(8, number(1, uint64_t{1} << 62))))), Code::kBadRequest));
  EXPECT_TRUE(failed_with(object_from_protobuf(envelope("v1", "ConfigMap", number(2, 5))), Code::kBadRequest)) << "a map that is a number";
}

TEST(Protobuf, RefusesEndlessNesting) {
  // properties["a"] of properties["a"] of ...: field 21, an entry with the schema as its value.
  std::string schema;
  auto wrap = [](int field, const std::string& bytes) {
    std::string tag = field < 16 ? std::string(1, char(field << 3 | 2)) : std::string{char((field << 3 & 0x7f) | 2 | 0x80), char(field >> 4)};
    std::string size;
    uint64_t left = bytes.size();
    for (; left > 0x7f; left >>= 7) size += static_cast<char>(0x80 | (left & 0x7f));
    return concat(tag, size, std::string(1, static_cast<char>(left)), bytes);
  };
  for (int i = 0; i < 1000; ++i) schema = wrap(29, wrap(1, "a") + wrap(2, schema));
  std::string version = wrap(4, wrap(1, schema));
  std::string crd = wrap(2, wrap(7, version));
  std::string body = std::string("k8s\0", 4) + wrap(1, wrap(1, "apiextensions.k8s.io/v1") + wrap(2, "CustomResourceDefinition")) + wrap(2, crd);
  auto read = object_from_protobuf(body);
  ASSERT_TRUE(failed_with(read, Code::kBadRequest));
  EXPECT_THAT(read.error().message, testing::HasSubstr("nested too deeply"));
}

}  // namespace
}  // namespace serin::kube
