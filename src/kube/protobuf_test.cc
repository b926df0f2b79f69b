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
            R"({"metadata":{"name":"demo"},"spec":{},"status":{},"apiVersion":"v1","kind":"Namespace"})");
}

TEST(Protobuf, MapsListsAndInlinedMessages) {
  std::string data = part(2, part(1, "a") + part(2, "")) + part(2, part(1, "b") + part(2, "2"));
  EXPECT_EQ(text_of(envelope("v1", "ConfigMap", data)),
            R"({"data":{"a":"","b":"2"},"apiVersion":"v1","kind":"ConfigMap"})");

  std::string get = part(1, "/ready") + part(2, number(1, 1) + number(2, 0) + part(3, "http"));
  std::string probe = part(1, part(2, get)) + number(2, 0) + number(3, 0) + number(4, 7);
  std::string container = part(1, "main") + part(3, "sh") + part(3, "") + part(11, probe);
  std::string doc = text_of(envelope("v1", "Pod", part(2, part(2, container) + number(4, 0) + number(11, 0))));
  EXPECT_EQ(doc,
            R"({"spec":{"containers":[{"name":"main","command":["sh",""],"readinessProbe":{"httpGet":{"path":"/ready",)"
            R"("port":"http"},"periodSeconds":7}}],"terminationGracePeriodSeconds":0},"apiVersion":"v1","kind":"Pod"})");
}

TEST(Protobuf, AZeroThatWasMeantStays) {
  EXPECT_EQ(text_of(envelope("apps/v1", "Deployment", part(2, number(1, 0) + number(5, 0)))),
            R"({"spec":{"replicas":0},"apiVersion":"apps/v1","kind":"Deployment"})");
  EXPECT_EQ(text_of(envelope("v1", "DeleteOptions", number(1, 0) + part(4, "Background"))),
            R"({"gracePeriodSeconds":0,"propagationPolicy":"Background","apiVersion":"v1","kind":"DeleteOptions"})");
}

TEST(Protobuf, QuantitiesTimesAndBytes) {
  std::string secret = part(1, part(8, number(1, 86400))) + part(2, part(1, "k") + part(2, "\x01\x02"));
  EXPECT_EQ(text_of(envelope("v1", "Secret", secret)),
            R"({"metadata":{"creationTimestamp":"1970-01-02T00:00:00Z"},"data":{"k":"AQI="},"apiVersion":"v1","kind":"Secret"})");
  std::string resources = part(8, part(1, part(1, "cpu") + part(2, part(1, "100m"))));
  EXPECT_THAT(text_of(envelope("v1", "Pod", part(2, part(2, part(1, "c") + resources)))),
              testing::HasSubstr(R"("resources":{"limits":{"cpu":"100m"}})"));
}

TEST(Protobuf, RefusesWhatItCannotRead) {
  EXPECT_TRUE(failed_with(object_from_protobuf(envelope("argoproj.io/v1alpha1", "Rollout", "")), Code::kUnsupportedMediaType));
  EXPECT_TRUE(failed_with(object_from_protobuf("{}"), Code::kBadRequest));
  std::string whole = envelope("v1", "ConfigMap", part(2, part(1, "a") + part(2, "1")));
  // Cut anywhere it is refused or read as less, never read beyond its end.
  for (size_t size = 0; size < whole.size(); ++size) (void)object_from_protobuf(std::string(whole, 0, size));
  EXPECT_TRUE(failed_with(object_from_protobuf(whole.substr(0, 8)), Code::kBadRequest));
}

}  // namespace
}  // namespace serin::kube
