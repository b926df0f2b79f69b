#include "rollout/plan/step_hash.h"

#include <gtest/gtest.h>

namespace serin::rollout {
namespace {

std::string hash(std::string_view text) {
  json::value steps = *json::parse(text);
  return step_hash(&steps);
}

std::string go(std::string_view text) {
  json::value steps = *json::parse(text);
  return steps_as_go(&steps);
}

// Taken from a running Argo Rollouts.
TEST(StepHash, EqualsArgoRollouts) {
  EXPECT_EQ(hash(R"([{"pause":{}}])"), "6b9b86fbd5");
  EXPECT_EQ(hash(R"([{"pause":{}},{"pause":{}}])"), "79c9b9f6bf");
  EXPECT_EQ(step_hash(nullptr), "5ffbfbbd64");
}

TEST(StepHash, WritesMembersInTheOrderOfTheGoTypes) {
  EXPECT_EQ(go(R"([{"setCanaryScale":{"matchTrafficWeight":true,"weight":20}}])"),
            R"([{"setCanaryScale":{"weight":20,"matchTrafficWeight":true}}])");
  EXPECT_EQ(go(R"([{"setHeaderRoute":{"match":[{"headerValue":{"exact":"<v2>"},"headerName":"lane"}],"name":"r"}}])"),
            R"([{"setHeaderRoute":{"name":"r","match":[{"headerName":"lane","headerValue":{"exact":"\u003cv2\u003e"}}]}}])");
  EXPECT_EQ(go(R"([{"setMirrorRoute":{"percentage":5,"name":"m","match":[{"headers":{"b":{"exact":"1"},"a":{"prefix":"2"}}}]}}])"),
            R"([{"setMirrorRoute":{"name":"m","match":[{"headers":{"a":{"prefix":"2"},"b":{"exact":"1"}}}],"percentage":5}}])");
}

TEST(StepHash, LeavesOutWhatGoLeavesOutAndKeepsWhatItKeeps) {
  EXPECT_EQ(go(R"([{"setWeight":0,"unknown":1}])"), R"([{"setWeight":0}])");
  EXPECT_EQ(go(R"([{"pause":{"duration":"10m"}},{"pause":{"duration":30}}])"),
            R"([{"pause":{"duration":"10m"}},{"pause":{"duration":30}}])");
  EXPECT_EQ(go(R"([{"setCanaryScale":{"replicas":0,"matchTrafficWeight":false}}])"),
            R"([{"setCanaryScale":{"replicas":0}}])");
  EXPECT_EQ(go(R"([{"analysis":{"templates":[{"templateName":"t"}]}}])"),
            R"([{"analysis":{"templates":[{"templateName":"t"}],"analysisRunMetadata":{}}}])");
  EXPECT_EQ(go("[]"), "[]");
}

}  // namespace
}  // namespace serin::rollout
