#include "node/pod_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "base/strings.h"
#include "base/time.h"
#include "data/yaml.h"

namespace serin::node {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Kind = PodAction::Kind;
using State = ContainerRecord::State;

const TimePoint kNow = *parse_time("2026-11-23T05:40:00Z");

class PodPlanTest : public ::testing::Test {
 protected:
  PodPlanTest() {
    observed_.host_ip = "127.10.0.1";
    spec("containers: [{name: main, image: x}]");
  }

  void spec(std::string_view text, std::string_view metadata = "") {
    observed_.pod = kube::Object(yaml::parse(concat("apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: demo, uid: u",
                                                    metadata.empty() ? "" : ", ", metadata, "}\nspec: {", text, "}")).value());
  }
  void deleting(Duration ago, int grace, std::string_view rest = "") {
    auto deadline = kNow - ago + std::chrono::seconds(grace);
    spec("containers: [{name: main, image: x}]",
         concat("deletionTimestamp: '", format_time(deadline), "', deletionGracePeriodSeconds: ", grace, rest));
  }
  ContainerRecord& add(const std::string& name, int attempt, State state) {
    if (!observed_.sandbox) observed_.sandbox = Sandbox{};
    observed_.pod_ip = "127.10.0.2";
    ContainerRecord record;
    record.id = {"u", name, attempt};
    record.state = state;
    record.started_at = kNow - 60s;
    record.crashes = attempt;
    observed_.sandbox->containers.push_back(record);
    return observed_.sandbox->containers.back();
  }
  ContainerRecord& running(const std::string& name, int attempt = 0) { return add(name, attempt, State::kRunning); }
  ContainerRecord& exited(const std::string& name, int code, Duration ago = 0s, int attempt = 0) {
    ContainerRecord& record = add(name, attempt, State::kExited);
    record.exit_code = code;
    record.finished_at = kNow - ago;
    return record;
  }
  PodPlan plan() { return plan_pod(observed_, kNow); }
  /// "start main/0", "end main/0", "stop main/0 30s", "finish"
  std::vector<std::string> actions() {
    std::vector<std::string> out;
    for (const PodAction& action : plan().actions) {
      std::string id = concat(action.id.container, "/", action.id.attempt);
      switch (action.kind) {
        case Kind::kStart: out.push_back("start " + id); break;
        case Kind::kBeginEnd: out.push_back(concat("end ", id, " ", format_duration(action.grace))); break;
        case Kind::kStop: out.push_back(concat("stop ", id, " ", format_duration(action.grace))); break;
        case Kind::kFinish: out.push_back("finish"); break;
      }
    }
    return out;
  }
  std::string condition(std::string_view type) {
    kube::Object pod(json::value{{"status", plan().status}});
    const json::value* found = kube::find_condition(pod, type);
    return found == nullptr ? "" : std::string(json::get_string(*found, "status"));
  }
  std::string phase() { return std::string(json::get_string(plan().status, "phase")); }

  PodObserved observed_;
};

TEST_F(PodPlanTest, StartsThenRuns) {
  EXPECT_THAT(actions(), ElementsAre("start main/0"));
  EXPECT_EQ(phase(), "Pending");
  running("main");
  EXPECT_THAT(actions(), IsEmpty());
  EXPECT_EQ(phase(), "Running");
  EXPECT_EQ(condition("Ready"), "True");
  observed_.health[{"u", "main", 0}] = {true, false, "readiness probe tcp: refused", false, "", {}};
  EXPECT_EQ(condition("Ready"), "False");
  EXPECT_THAT(json::dump(plan().status), HasSubstr("readiness probe tcp: refused"));
  ASSERT_EQ(plan().blockers.size(), 1u);
  EXPECT_EQ(plan().blockers[0].reason, "PodNotReady");
}

TEST_F(PodPlanTest, RestartsWithGrowingDelays) {
  struct Case {
    int attempt;
    int wait_seconds;
  };
  for (auto [attempt, wait] : {Case{0, 0}, Case{1, 10}, Case{2, 20}, Case{3, 40}, Case{5, 160}, Case{6, 300}, Case{60, 300}}) {
    observed_.sandbox.reset();
    exited("main", 1, std::chrono::seconds(wait), attempt);
    EXPECT_THAT(actions(), ElementsAre(concat("start main/", attempt + 1))) << attempt;
    if (wait == 0) continue;
    observed_.sandbox->containers[0].finished_at += 1s;
    EXPECT_THAT(actions(), IsEmpty()) << attempt;
    EXPECT_EQ(plan().look_again, kNow + 1s);
    EXPECT_EQ(json::get_string(json::items(plan().status, "containerStatuses")[0], "state", "waiting", "reason"),
              "CrashLoopBackOff");
  }
  ContainerRecord good;
  good.crashes = 6;
  good.finished_at = good.started_at + 10min;
  EXPECT_EQ(restart_at(good), good.finished_at);
  EXPECT_EQ(crashes_after(good), 1);
}

TEST_F(PodPlanTest, RestartPolicies) {
  for (auto [policy, code, expected] : std::vector<std::tuple<std::string, int, std::string>>{
           {"Always", 0, "Running"}, {"Always", 1, "Running"}, {"OnFailure", 0, "Succeeded"},
           {"OnFailure", 1, "Running"}, {"Never", 0, "Succeeded"}, {"Never", 1, "Failed"}}) {
    observed_.sandbox.reset();
    spec(concat("restartPolicy: ", policy, ", containers: [{name: main, image: x}]"));
    exited("main", code);
    EXPECT_EQ(phase(), expected) << policy << code;
    EXPECT_EQ(actions().empty(), expected != "Running") << policy << code;
  }
}

TEST_F(PodPlanTest, InitContainersAndSidecars) {
  spec("initContainers: [{name: one, image: x}, {name: side, image: x, restartPolicy: Always}, {name: two, image: x}],"
       "containers: [{name: main, image: x}]");
  EXPECT_THAT(actions(), ElementsAre("start one/0"));
  ContainerRecord& one = running("one");
  EXPECT_THAT(actions(), IsEmpty());
  EXPECT_EQ(condition("Initialized"), "False");
  one.state = State::kExited;
  EXPECT_THAT(actions(), ElementsAre("start side/0"));
  running("side");
  observed_.health[{"u", "side", 0}] = {false, false, "startup probe: no", false, "", {}};
  EXPECT_THAT(actions(), IsEmpty());
  observed_.health.clear();
  EXPECT_THAT(actions(), ElementsAre("start two/0"));
  exited("two", 0);
  EXPECT_THAT(actions(), ElementsAre("start main/0"));
  running("main");
  EXPECT_THAT(actions(), IsEmpty());
  EXPECT_EQ(condition("Initialized"), "True");
  EXPECT_EQ(condition("Ready"), "True");
  observed_.sandbox->containers[1].state = State::kExited;  // a sidecar comes back, whatever the policy
  observed_.sandbox->containers[1].finished_at = kNow;
  EXPECT_THAT(actions(), ElementsAre("start side/1"));
}

TEST_F(PodPlanTest, AFailedInitContainerFailsThePodThatNeverRestarts) {
  spec("restartPolicy: Never, initContainers: [{name: one, image: x}], containers: [{name: main, image: x}]");
  exited("one", 1);
  EXPECT_THAT(actions(), IsEmpty());
  EXPECT_EQ(phase(), "Failed");
}

TEST_F(PodPlanTest, WaitsWithTheProblemAndTriesAgain) {
  observed_.problems["main"] = {"ErrImageNeverPull", "map it", kNow + 5s};
  EXPECT_THAT(actions(), IsEmpty());
  EXPECT_EQ(plan().look_again, kNow + 5s);
  EXPECT_EQ(plan().blockers[0].reason, "ImageNotMapped");
  observed_.problems["main"].retry_at = kNow;
  EXPECT_THAT(actions(), ElementsAre("start main/0"));
}

TEST_F(PodPlanTest, AnUnhealthyContainerIsEndedWithItsGrace) {
  spec("terminationGracePeriodSeconds: 20, containers: [{name: main, image: x}]");
  running("main");
  ContainerHealth sick{true, true, "", true, "liveness probe tcp: refused", {}};
  observed_.health[{"u", "main", 0}] = sick;
  EXPECT_THAT(actions(), ElementsAre("end main/0 20s"));
  observed_.health[{"u", "main", 0}].termination_grace = 5s;
  EXPECT_THAT(actions(), ElementsAre("end main/0 5s"));
  observed_.endings[{"u", "main", 0}] = {kNow - 2s, 5s, false, {}};
  EXPECT_THAT(actions(), IsEmpty());
  observed_.endings[{"u", "main", 0}].pre_stop_done = true;
  EXPECT_THAT(actions(), ElementsAre("stop main/0 3s"));
  observed_.endings[{"u", "main", 0}].kill_at = kNow + 3s;
  EXPECT_THAT(actions(), IsEmpty());
}

TEST_F(PodPlanTest, ReadinessGatesAndForeignConditionsAreKept) {
  spec("readinessGates: [{conditionType: example.io/gate}], containers: [{name: main, image: x}]");
  running("main");
  EXPECT_EQ(condition("ContainersReady"), "True");
  EXPECT_EQ(condition("Ready"), "False");
  observed_.pod = observed_.pod.edit([](json::value& doc) {
    json::set(doc, {"status"}, json::value{{"conditions", {{{"type", "example.io/gate"}, {"status", "True"}}}}});
  });
  EXPECT_EQ(condition("Ready"), "True");
  EXPECT_EQ(condition("example.io/gate"), "True");
}

TEST_F(PodPlanTest, DeletionStopsAtOnceWhatServesNobody) {
  deleting(0s, 30);
  running("main");
  EXPECT_THAT(actions(), ElementsAre("end main/0 30s"));
  observed_.endings[{"u", "main", 0}] = {kNow, 30s, true, {}};
  EXPECT_THAT(actions(), ElementsAre("stop main/0 30s"));
  observed_.sandbox->containers[0].state = State::kExited;
  EXPECT_THAT(actions(), ElementsAre("finish"));
}

TEST_F(PodPlanTest, TheDrainBarrier) {
  observed_.endpoint = true;
  running("main");
  observed_.endings[{"u", "main", 0}] = {kNow, 30s, true, {}};
  struct Case {
    Duration ago;
    int grace;
    std::string extra;
    bool held;
  };
  for (const Case& item : {Case{4s, 30, "", true}, Case{5s, 30, "", false}, Case{2s, 6, "", true}, Case{3s, 6, "", false},
                           Case{0s, 0, "", false}, Case{0s, 30, ", annotations: {serin.io/drain: strict}", false}}) {
    deleting(item.ago, item.grace, item.extra);
    EXPECT_EQ(actions().empty(), item.held) << item.grace << item.extra;
    EXPECT_EQ(plan().blockers.size(), item.held ? 1u : 0u);
  }
  deleting(0s, 30);
  observed_.pod = observed_.pod.edit([](json::value& doc) {
    json::set(doc, {"status"}, json::value{{"conditions", {{{"type", "serin.io/Drained"}, {"status", "True"}}}}});
  });
  EXPECT_THAT(actions(), ElementsAre("stop main/0 30s"));
}

TEST_F(PodPlanTest, AHookThatOverrunsLeavesTwoSeconds) {
  deleting(31s, 30);
  running("main");
  observed_.endings[{"u", "main", 0}] = {kNow - 31s, 30s, false, {}};
  EXPECT_THAT(actions(), ElementsAre("stop main/0 2s"));
  // A second, shorter deletion kills earlier; a longer wait does not come back.
  observed_.endings[{"u", "main", 0}] = {kNow - 31s, 30s, true, kNow + 60s};
  EXPECT_THAT(actions(), ElementsAre("stop main/0 0s"));
}

TEST_F(PodPlanTest, SidecarsEndLastAndInReverse) {
  spec("initContainers: [{name: s1, image: x, restartPolicy: Always}, {name: s2, image: x, restartPolicy: Always}],"
       "containers: [{name: main, image: x}]",
       concat("deletionTimestamp: '", format_time(kNow + 30s), "', deletionGracePeriodSeconds: 30"));
  running("s1");
  running("s2");
  running("main");
  EXPECT_THAT(actions(), ElementsAre("end main/0 30s"));
  observed_.sandbox->containers[2].state = State::kExited;
  EXPECT_THAT(actions(), ElementsAre("end s2/0 30s"));
  observed_.sandbox->containers[1].state = State::kExited;
  EXPECT_THAT(actions(), ElementsAre("end s1/0 30s"));
  observed_.sandbox->containers[0].state = State::kExited;
  EXPECT_THAT(actions(), ElementsAre("finish"));
}

/// Random pods in random states: what a plan asks for, once done, is not asked for again; and status settles.
TEST_F(PodPlanTest, ASecondPlanAfterTheActionsIsQuiet) {
  std::mt19937 random(20261123);
  auto pick = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  for (int round = 0; round < 500; ++round) {
    SCOPED_TRACE(round);
    observed_ = PodObserved{};
    const char* policies[] = {"Always", "OnFailure", "Never"};
    std::string meta = pick(3) != 0 ? "" : concat("deletionTimestamp: '", format_time(kNow + std::chrono::seconds(pick(40) - 10)),
                                                  "', deletionGracePeriodSeconds: ", pick(31));
    spec(concat("restartPolicy: ", std::string_view(policies[pick(3)]),
                ", initContainers: [{name: i, image: x}, {name: s, image: x, restartPolicy: Always}],"
                "containers: [{name: a, image: x}, {name: b, image: x}]"), meta);
    observed_.endpoint = pick(2) == 0;
    observed_.sandbox = Sandbox{};
    for (const char* name : {"i", "s", "a", "b"}) {
      int state = pick(4);
      if (state == 0) continue;
      ContainerRecord& record = state == 1 ? exited(name, pick(2), std::chrono::seconds(pick(30)), pick(3)) : running(name);
      if (record.state == State::kRunning && pick(2) == 0)
        observed_.health[record.id] = {pick(4) != 0, pick(2) == 0, "", pick(4) == 0, "liveness probe", {}};
      if (record.state == State::kRunning && pick(3) == 0) observed_.endings[record.id] = {kNow, 10s, pick(2) == 0, {}};
      if (pick(6) == 0) observed_.problems[name] = {"CreateContainerError", "no", kNow + std::chrono::seconds(pick(3))};
    }
    for (int pass = 0;; ++pass) {
      ASSERT_LT(pass, 20) << "the plan never settles";
      PodPlan plan = plan_pod(observed_, kNow);
      bool acted = false;
      for (const PodAction& action : plan.actions) {
        if (action.kind == Kind::kFinish) {
          EXPECT_FALSE(std::any_of(observed_.sandbox->containers.begin(), observed_.sandbox->containers.end(),
                                   [](const ContainerRecord& record) { return record.state == State::kRunning; }));
          continue;
        }
        acted = true;
        if (action.kind == Kind::kStart) {
          EXPECT_FALSE(observed_.pod.deleting());
          running(action.id.container, action.id.attempt);
        } else if (action.kind == Kind::kBeginEnd) {
          observed_.endings[action.id] = {kNow, action.grace, true, {}};
        } else {
          observed_.endings[action.id].kill_at = kNow + action.grace;
        }
      }
      if (acted) continue;
      observed_.pod = observed_.pod.edit([&](json::value& doc) { json::set(doc, {"status"}, plan.status); });
      EXPECT_EQ(plan_pod(observed_, kNow).status, plan.status);
      break;
    }
  }
}

}  // namespace
}  // namespace serin::node
