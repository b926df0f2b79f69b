#include "rollout/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/strings.h"
#include "kube/resources.h"
#include "rollout/names.h"
#include "rollout/plan/blockers.h"
#include "rollout/plan/pod_template.h"
#include "rollout/plan/status.h"
#include "rollout/plan/steps.h"
#include "rollout/plan/validation.h"
#include "rollout/release_view.h"
#include "rollout/testing/cluster.h"
#include "rollout/verbs.h"

namespace serin::rollout::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Rollout with_steps(const std::string& steps) { return Rollout(Object(weight_rollout(4, steps))); }

TEST(Steps, WeightAtAndBefore) {
  Steps steps = with_steps(R"([{"setWeight": 5}, {"pause": {}}, {"setWeight": 50}])").canary().steps;
  EXPECT_EQ(weight_at(steps, 0), 5);
  EXPECT_EQ(weight_at(steps, 1), 5);
  EXPECT_EQ(weight_at(steps, 2), 50);
  EXPECT_EQ(weight_at(steps, 3), 100);
  EXPECT_EQ(weight_before(steps, 0), 0);
  EXPECT_EQ(weight_before(steps, 2), 5);
  EXPECT_EQ(weight_before(steps, 3), 50);
  EXPECT_EQ(weight_at({}, 0), 100);
}

TEST(Steps, HeaderRoutesFollowTheLastWordInTheOrderOfManagedRoutes) {
  Steps steps = with_steps(R"([
      {"setHeaderRoute": {"name": "a", "match": [{"headerName": "h", "headerValue": {"exact": "1"}}]}},
      {"setHeaderRoute": {"name": "b", "match": [{"headerName": "h", "headerValue": {"prefix": "2"}}]}},
      {"setHeaderRoute": {"name": "a"}}])").canary().steps;
  std::vector<std::string> managed{"b", "a"};
  EXPECT_EQ(header_routes_at(steps, 0, managed).size(), 1u);
  auto both = header_routes_at(steps, 1, managed);
  ASSERT_EQ(both.size(), 2u);
  EXPECT_EQ(both[0].name, "b");
  EXPECT_EQ(both[0].match[0].kind, "prefix");
  auto after = header_routes_at(steps, 3, managed);
  ASSERT_EQ(after.size(), 1u);
  EXPECT_EQ(after[0].name, "b");
}

TEST(Pauses, AreSecondsOrGoDurations) {
  EXPECT_EQ(parse_pause(json::value(30)), std::chrono::seconds(30));
  EXPECT_EQ(parse_pause(json::value("30")), std::chrono::seconds(30));
  EXPECT_EQ(parse_pause(json::value("10m")), std::chrono::minutes(10));
  EXPECT_FALSE(parse_pause(json::value("soon")));
  EXPECT_FALSE(parse_pause(json::value("")));
}

TEST(Validation, NamesTheField) {
  struct Row {
    std::string steps, field;
  };
  for (const Row& row : std::vector<Row>{
           {R"([{"setWeight": 101}])", "spec.strategy.canary.steps[0].setWeight"},
           {R"([{"pause": {}}, {"setWeight": -1}])", "spec.strategy.canary.steps[1].setWeight"},
           {R"([{"setWeight": "5"}])", "spec.strategy.canary.steps[0].setWeight"},
           {R"([{"setWeight": 5, "pause": {}}])", "spec.strategy.canary.steps[0]"},
           {R"([{}])", "spec.strategy.canary.steps[0]"},
           {R"([{"pause": {"duration": "soon"}}])", "spec.strategy.canary.steps[0].pause.duration"},
           {R"([{"setCanaryScale": {}}])", "spec.strategy.canary.steps[0].setCanaryScale"},
           {R"([{"setHeaderRoute": {"name": "x"}}])", "spec.strategy.canary.steps[0].setHeaderRoute.name"},
           {R"([{"analysis": {}}])", "spec.strategy.canary.steps[0].analysis"},
       }) {
    std::vector<Cause> causes = validate(with_steps(row.steps));
    ASSERT_EQ(causes.size(), 1u) << row.steps;
    EXPECT_EQ(causes[0].field, row.field);
  }
  EXPECT_THAT(validate(with_steps(R"([{"setWeight": 0}, {"pause": {}}, {"setWeight": 100}])")), IsEmpty());
  EXPECT_THAT(validate(Rollout(Object(header_rollout()))), IsEmpty());
}

TEST(Validation, LooksAtTheWorkload) {
  json::value doc = weight_rollout();
  json::set(doc, {"spec", "selector", "matchLabels", "app"}, json::value("other"));
  ASSERT_EQ(validate(Rollout(Object(doc))).size(), 1u);
  EXPECT_EQ(validate(Rollout(Object(doc)))[0].field, "spec.template.metadata.labels");
  doc = weight_rollout();
  json::set(doc, {"spec", "strategy", "blueGreen"}, json::object());
  EXPECT_EQ(validate(Rollout(Object(doc)))[0].field, "spec.strategy");
  doc = header_rollout();
  json::erase(doc, {"spec", "strategy", "canary", "canaryService"});
  EXPECT_EQ(validate(Rollout(Object(doc)))[0].field, "spec.strategy.canary.canaryService");
}

TEST(Phase, FollowsTheOrderOfArgoRollouts) {
  json::value doc = weight_rollout(2);
  Observed observed;
  observed.rollout = Rollout(Object(doc));
  Situation s(observed, TimePoint());
  auto phase = [&](std::string_view status) {
    json::value value = parse(status);
    set_phase(s, value);
    return concat(json::get_string(value, "phase"), "|", json::get_string(value, "message"));
  };
  EXPECT_EQ(phase(R"({"conditions": [{"type": "InvalidSpec", "message": "m"}], "abort": true})"),
            "Degraded|InvalidSpec: m");
  EXPECT_EQ(phase(R"({"conditions": [{"type": "Progressing", "reason": "RolloutAborted", "message": "m"}]})"),
            "Degraded|RolloutAborted: m");
  EXPECT_EQ(phase(R"({"pauseConditions": [{"reason": "CanaryPauseStep"}]})"), "Paused|CanaryPauseStep");
  EXPECT_EQ(phase(R"({"updatedReplicas": 1})"), "Progressing|more replicas need to be updated");
  EXPECT_EQ(phase(R"({"updatedReplicas": 2})"), "Progressing|updated replicas are still becoming available");
}

TEST(Verbs, SendWhatArgoRolloutsClientsSend) {
  auto body = [](const Result<Writes>& writes) { return writes ? json::dump((*writes)[0].patch.body) : "refused"; };
  json::value doc = weight_rollout();
  EXPECT_EQ(body(promote(Rollout(Object(doc)))), "refused");
  json::set(doc, {"status"}, parse(R"({"stableRS": "a", "currentPodHash": "b", "currentStepIndex": 0})"));
  EXPECT_EQ(body(promote(Rollout(Object(doc)))), R"({"status":{"pauseConditions":null,"currentStepIndex":1}})");
  EXPECT_EQ(body(promote_full(Rollout(Object(doc)))), R"({"status":{"promoteFull":true}})");
  EXPECT_EQ(body(abort(Rollout(Object(doc)))), R"({"status":{"abort":true}})");
  EXPECT_EQ(body(retry(Rollout(Object(doc)))), "refused");
  json::set(doc, {"status", "abort"}, true);
  EXPECT_EQ(body(retry(Rollout(Object(doc)))), R"({"status":{"abort":false}})");
  json::set(doc, {"status"}, parse(R"({"pauseConditions": [{"reason": "CanaryPauseStep"}], "controllerPause": true})"));
  EXPECT_EQ(body(promote(Rollout(Object(doc)))), R"({"status":{"pauseConditions":null}})");
  EXPECT_EQ(body(pause(Rollout(Object(doc)))), R"({"spec":{"paused":true}})");
  json::set(doc, {"spec", "paused"}, true);
  EXPECT_EQ(body(resume(Rollout(Object(doc)))), R"({"spec":{"paused":false}})");
}

TEST(PodBlocker, NamesTheCause) {
  auto blocker = [](const std::string& status) {
    json::value doc = parse(R"({"kind": "Pod", "metadata": {"name": "p", "namespace": "demo"}, "spec": {"containers": [
        {"name": "main", "readinessProbe": {"tcpSocket": {"port": 20880}}}]}})");
    json::set(doc, {"status"}, parse(status));
    return pod_blocker(Object(doc));
  };
  EXPECT_FALSE(blocker(R"({"conditions": [{"type": "Ready", "status": "True"}]})"));
  auto image = blocker(R"({"containerStatuses": [{"name": "main", "image": "provider:1", "state":
      {"waiting": {"reason": "ErrImageNeverPull", "message": "no command is mapped"}}}]})");
  ASSERT_TRUE(image);
  EXPECT_EQ(image->reason, "ImageNotMapped");
  EXPECT_THAT(image->message, HasSubstr("no command is mapped"));
  auto probe = blocker(R"({"containerStatuses": [{"name": "main", "ready": false, "state": {"running": {}}}]})");
  ASSERT_TRUE(probe);
  EXPECT_EQ(probe->reason, "ProbeFailing");
  EXPECT_THAT(probe->message, HasSubstr("20880"));
  EXPECT_EQ(probe->object, "Pod demo/p");
  EXPECT_EQ(blocker(R"({"containerStatuses": [{"name": "main", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]})")->reason,
            "CrashLoop");
}

/// Carrying out a decision's writes without its status (a crash between the two) and deciding again repeats none.
TEST(Plan, RepeatsNoWriteThatHasHappened) {
  Cluster cluster(7);
  cluster.create(kube::kVirtualServices, subset_virtual_service());
  cluster.create(kube::kDestinationRules, subset_rule());
  cluster.create(kube::kRollouts, weight_rollout(3));
  int passes = 0, writing = 0;
  auto probe = [&] {
    auto observed = observe(cluster.api, {"demo", "provider"});
    if (!observed) return false;
    Decision first = plan(*observed, cluster.clock.now());
    ++passes;
    if (first.writes.empty()) return false;
    ++writing;
    for (const client::Write& write : first.writes)
      if (!client::execute(cluster.api, write)) return false;
    auto again = observe(cluster.api, {"demo", "provider"});
    if (!again) return false;
    for (const client::Write& write : plan(*again, cluster.clock.now()).writes)
      for (const client::Write& before : first.writes) EXPECT_NE(write.why, before.why);
    return false;
  };
  cluster.simulation.add(probe);
  ASSERT_TRUE(cluster.until_phase("Healthy"));
  cluster.run_for(std::chrono::minutes(1));
  cluster.apply_template_label("v2");
  cluster.run_for(std::chrono::minutes(30));
  EXPECT_EQ(json::get_string(cluster.rollout().status(), "phase"), "Healthy");
  EXPECT_GT(writing, 5);
  EXPECT_GT(passes, writing);
  EXPECT_THAT(cluster.losses(), IsEmpty());
}

TEST(Reconciler, TakesAnotherHashWhereTheNameIsTaken) {
  Cluster cluster;
  std::string hash = pod_template_hash(normalized_template(*json::find(weight_rollout(), "spec", "template")));
  json::value foreign = parse(R"({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"namespace": "demo"},
                                  "spec": {"replicas": 0}})");
  json::set(foreign, {"metadata", "name"}, json::value("provider-" + hash));
  cluster.create(kube::kReplicaSets, foreign);
  cluster.create(kube::kVirtualServices, subset_virtual_service());
  cluster.create(kube::kDestinationRules, subset_rule());
  cluster.create(kube::kRollouts, weight_rollout());
  ASSERT_TRUE(cluster.until_phase("Healthy"));
  EXPECT_EQ(json::get_int(cluster.rollout().status(), 0, "collisionCount"), 1);
  EXPECT_NE(cluster.rollout().stable_hash(), hash);
}

TEST(Reconciler, KeepsRevisionHistoryLimit) {
  Cluster cluster;
  cluster.create(kube::kVirtualServices, subset_virtual_service());
  cluster.create(kube::kDestinationRules, subset_rule());
  json::value doc = weight_rollout(1, "[]");
  json::set(doc, {"spec", "revisionHistoryLimit"}, 2);
  cluster.create(kube::kRollouts, doc);
  ASSERT_TRUE(cluster.until_settled());
  for (const char* version : {"v2", "v3", "v4", "v5"}) {
    cluster.apply_template_label(version);
    ASSERT_TRUE(cluster.until_settled());
  }
  cluster.run_for(std::chrono::minutes(1));
  EXPECT_EQ(cluster.sets().size(), 3u);
  EXPECT_EQ(cluster.set_of("v5").revision, 5);
  EXPECT_EQ(cluster.set_of("v3").revision, 3);
  EXPECT_EQ(cluster.rollout().object().annotation(kRevision), "5");
}

TEST(Reconciler, TakesOverAReleaseOfArgoRolloutsInMidCanary) {
  // Hashes that are not ours, a pause half over.
  Cluster cluster;
  cluster.create(kube::kVirtualServices, subset_virtual_service());
  cluster.create(kube::kDestinationRules, subset_rule());
  cluster.create(kube::kRollouts, weight_rollout(2));
  ASSERT_TRUE(cluster.until_settled());
  cluster.apply_template_label("v2");
  ASSERT_TRUE(cluster.until_phase("Paused"));
  for (const ReplicaSet& set : cluster.sets()) {
    std::string other = set.hash == cluster.rollout().current_hash() ? "5d4b6c" : "9c8b7f";
    ASSERT_TRUE(cluster.api.patch(kube::kReplicaSets, set.object.key(),
                                  {client::Patch::Type::kMerge,
                                   json::object{{"metadata", json::object{{"labels", json::object{{kHashLabel, other}}}}}}}));
  }
  Object rollout = cluster.rollout().object();
  ASSERT_TRUE(client::execute(cluster.api, client::patch_status(kube::kRollouts, rollout.key(),
                                                                json::object{{"currentPodHash", "5d4b6c"}, {"stableRS", "9c8b7f"}},
                                                                "taken over")));
  ASSERT_TRUE(cluster.api.update(kube::kDestinationRules,
                                 cluster.get(kube::kDestinationRules, "provider").edit([](json::value& doc) {
    json::array& subsets = json::find(doc, "spec", "subsets")->get_array();
    json::set(subsets[0], {"labels", kHashLabel}, json::value("9c8b7f"));
    json::set(subsets[1], {"labels", kHashLabel}, json::value("5d4b6c"));
  })));
  cluster.run_for(std::chrono::minutes(1));
  EXPECT_EQ(cluster.rollout().step_index(), 1);
  EXPECT_EQ(cluster.rollout().current_hash(), "5d4b6c");
  EXPECT_EQ(cluster.weight("canary"), 5);
  EXPECT_EQ(cluster.sets().size(), 2u);
  ASSERT_TRUE(cluster.until_settled());
  EXPECT_EQ(cluster.rollout().stable_hash(), "5d4b6c");
}

TEST(ReleaseView, ShowsAPausedCanary) {
  Cluster cluster;
  cluster.create(kube::kVirtualServices, subset_virtual_service());
  cluster.create(kube::kDestinationRules, subset_rule());
  cluster.create(kube::kRollouts, weight_rollout(4));
  ASSERT_TRUE(cluster.until_phase("Healthy"));
  cluster.run_for(std::chrono::minutes(1));
  cluster.change_rollout([](json::value& doc) {
    json::find(doc, "spec", "template", "spec", "containers")->get_array()[0].get_object()["image"] = "provider:2";
  });
  ASSERT_TRUE(cluster.until_phase("Paused"));
  auto observed = observe(cluster.api, {"demo", "provider"}, {.pods = true});
  ASSERT_TRUE(observed);
  ReleaseView view = release_view(*observed, cluster.clock.now());
  EXPECT_EQ(view.phase, "Paused");
  EXPECT_EQ(view.step, 1);
  EXPECT_EQ(view.steps, 4);
  EXPECT_EQ(view.set_weight, 5);
  EXPECT_EQ(view.actual_weight, 5);
  EXPECT_EQ(view.acknowledged, true);
  ASSERT_EQ(view.revisions.size(), 2u);
  EXPECT_EQ(view.revisions[0].revision, 2);
  EXPECT_TRUE(view.revisions[0].replica_set.canary);
  EXPECT_TRUE(view.revisions[1].replica_set.stable);
  ASSERT_EQ(view.blockers.size(), 1u);
  EXPECT_EQ(view.blockers[0].reason, "PauseStep");
  EXPECT_THAT(view.blockers[0].ends_when, HasSubstr("serin release promote provider"));

  std::string text = render(view, cluster.clock.now());
  for (const char* part : {"॥ Paused", "1/4 (pause: 10m)", "5% ", "acknowledged by every proxy",
                           "provider:1 (stable)", "provider:2 (canary)", "# revision:2", "⧉ provider-", "Waits for:"})
    EXPECT_THAT(text, HasSubstr(part));
  std::string ascii = render(view, cluster.clock.now(), {false, true});
  EXPECT_TRUE(std::all_of(ascii.begin(), ascii.end(), [](char c) { return static_cast<unsigned char>(c) < 128; }));
  EXPECT_THAT(render(view, cluster.clock.now(), {true, false}), HasSubstr("\x1b[33m"));
  json::value out = to_json(view);
  EXPECT_EQ(json::get_int(out, 0, "weight", "actual"), 5);
  EXPECT_TRUE(json::get_bool(out, false, "weight", "acknowledged"));
  EXPECT_EQ(json::items(out, "revisions").size(), 2u);
}

}  // namespace
}  // namespace serin::rollout::testing
