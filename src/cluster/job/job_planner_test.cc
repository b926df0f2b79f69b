// Counting, ending and sizing of Jobs, case by case.

#include "cluster/job/job_planner.h"

#include <gtest/gtest.h>

#include "cluster/job/job_policy.h"
#include "cluster/testing/objects.h"
#include "kube/resources.h"

namespace serin::cluster {
namespace {

using namespace std::chrono_literals;

const TimePoint kNow = TimePoint(std::chrono::seconds(1767225600));

Object job(std::string_view spec, std::string_view status = "{}") {
  return from_json(concat(R"({"apiVersion":"batch/v1","kind":"Job","metadata":{"namespace":"demo","name":"sum","uid":"job-uid","resourceVersion":"9"},
      "status":)", status, R"(,"spec":)", spec, "}"))
      .edit([](json::value& doc) {
        json::set(doc, {"spec", "template"}, pod_template("sum", "job"));
      });
}

struct PodIs {
  std::string name;
  std::string phase = "Running";
  bool tracked = true;
  std::string index = "";
  bool deleting = false;
  Duration ended_ago = 1h;
  int64_t code = 1;
  std::string failures = "";
};

Object pod(const PodIs& is) {
  json::value doc = json::object{
      {"apiVersion", "v1"}, {"kind", "Pod"},
      {"metadata", json::object{{"namespace", "demo"}, {"name", is.name}, {"uid", is.name},
                                {"labels", json::object{{kJobUid, "job-uid"}}},
                                {"ownerReferences", json::array{kube::controller_reference(job("{}"))}}}},
      {"spec", json::object{{"nodeName", "node-1"}}},
      {"status", json::object{{"phase", is.phase}}}};
  if (is.phase == "Failed" || is.phase == "Succeeded")
    json::set(doc, {"status", "containerStatuses"},
              json::array{json::object{{"name", "main"},
                                       {"state", json::object{{"terminated", json::object{{"exitCode", is.code},
                                                                                          {"finishedAt", format_time(kNow - is.ended_ago)}}}}}}});
  if (is.tracked) json::set(doc, {"metadata", "finalizers"}, json::array{"other", kJobTracking});
  if (!is.index.empty()) json::set(doc, {"metadata", "annotations", kJobIndex}, json::value(is.index));
  if (!is.failures.empty()) json::set(doc, {"metadata", "annotations", kJobIndexFailures}, json::value(is.failures));
  if (is.deleting) json::set(doc, {"metadata", "deletionTimestamp"}, json::value(format_time(kNow)));
  return Object(doc);
}

JobDecision decide(const Object& it, const std::vector<PodIs>& pods = {}, TimePoint now = kNow) {
  JobObserved observed{it, {}};
  for (const PodIs& is : pods) observed.pods.push_back(pod(is));
  return plan(observed, now).value();
}

std::string shown(const JobDecision& decision, const char* field) {
  const json::value* found = json::find(decision.status, field);
  return found ? json::dump(*found) : "";
}

std::string condition(const JobDecision& decision, std::string_view type) {
  for (const json::value& each : json::items(decision.status, "conditions"))
    if (json::get_string(each, "type") == type) return concat(json::get_string(each, "status"), " ", json::get_string(each, "reason"));
  return "";
}

std::vector<std::string> indexes(const JobDecision& decision) {
  std::vector<std::string> all;
  for (const client::Write& write : decision.creates) all.emplace_back(write.object.annotation(kJobIndex));
  return all;
}

TEST(IndexSet, IsWrittenAsKubernetesWritesIt) {
  EXPECT_EQ(format_indexes({}), "");
  EXPECT_EQ(format_indexes({1, 3, 4, 5, 7}), "1,3-5,7");
  EXPECT_EQ(format_indexes({0, 1, 9}), "0,1,9");
  EXPECT_EQ(parse_indexes("1,3-5,7,x,90-99", 8), (IndexSet{1, 3, 4, 5, 7}));
  EXPECT_EQ(parse_indexes("", 8), IndexSet{});
}

TEST(JobPlan, MakesPodsUpToParallelismAndWhatIsMissing) {
  EXPECT_EQ(decide(job("{}")).creates.size(), 1u);
  EXPECT_EQ(decide(job(R"({"completions":5,"parallelism":2})")).creates.size(), 2u);
  EXPECT_EQ(decide(job(R"({"completions":5,"parallelism":9})"), {{"a"}, {"b"}}).creates.size(), 3u);
  EXPECT_EQ(decide(job(R"({"completions":5,"parallelism":9})", R"({"succeeded":4})"), {{"a"}}).creates.size(), 0u);
  EXPECT_EQ(decide(job(R"({"parallelism":3})"), {{"a"}}).creates.size(), 2u) << "a work queue: no completions";
  EXPECT_EQ(decide(job(R"({"parallelism":3})", R"({"succeeded":1})"), {{"a"}}).creates.size(), 0u)
      << "one of a work queue has seen its end";
  EXPECT_EQ(decide(job(R"({"parallelism":3,"managedBy":"other.io/it"})")).creates.size(), 0u);
}

TEST(JobPlan, PodsCarryWhatTellsWhoseTheyAre) {
  JobDecision decision = decide(job(R"({"completions":3,"parallelism":3,"completionMode":"Indexed","backoffLimitPerIndex":1})"));
  ASSERT_EQ(indexes(decision), (std::vector<std::string>{"0", "1", "2"}));
  const Object& made = decision.creates[1].object;
  EXPECT_TRUE(made.has_finalizer(kJobTracking));
  EXPECT_EQ(made.label(kJobName), "sum");
  EXPECT_EQ(made.label("job-name"), "sum");
  EXPECT_EQ(made.label(kJobUid), "job-uid");
  EXPECT_EQ(made.label(kJobIndex), "1");
  EXPECT_EQ(made.annotation(kJobIndexFailures), "0");
  EXPECT_EQ(json::get_string(made.doc(), "metadata", "generateName"), "sum-1-");
  EXPECT_EQ(json::get_string(made.doc(), "spec", "hostname"), "sum-1");
  const json::value& env = json::items(json::items(made.doc(), "spec", "containers").at(0), "env").at(0);
  EXPECT_EQ(json::get_string(env, "name"), "JOB_COMPLETION_INDEX");
  EXPECT_EQ(json::get_string(env, "valueFrom", "fieldRef", "fieldPath"), "metadata.labels['batch.kubernetes.io/job-completion-index']");
}

TEST(JobPlan, CountsInThreeSteps) {
  Object started = job(R"({"completions":2,"parallelism":2})", R"({"succeeded":1,"startTime":"2025-12-31T00:00:00Z"})");
  JobDecision first = decide(started, {{"a", "Succeeded"}, {"b", "Failed"}});
  EXPECT_EQ(shown(first, "succeeded"), "1");
  EXPECT_EQ(shown(first, "uncountedTerminatedPods"), R"({"succeeded":["a"],"failed":["b"]})");
  EXPECT_EQ(first.untrack.size(), 2u);
  EXPECT_EQ(json::get_string(first.untrack[0].patch.body.as_array().at(2), "path"), "/metadata/finalizers/1");
  EXPECT_EQ(condition(first, "SuccessCriteriaMet"), "True CompletionsReached");
  EXPECT_EQ(condition(first, "Complete"), "") << "not before all is counted";

  Object stored = started.edit([&](json::value& doc) { doc.as_object()["status"] = first.status; });
  JobDecision crashed = decide(stored, {{"a", "Succeeded"}, {"b", "Failed"}});
  EXPECT_EQ(shown(crashed, "uncountedTerminatedPods"), R"({"succeeded":["a"],"failed":["b"]})") << "nothing twice";
  EXPECT_EQ(crashed.untrack.size(), 2u);

  JobDecision half = decide(stored, {{"a", "Succeeded", false}, {"b", "Failed"}});
  EXPECT_EQ(shown(half, "succeeded"), "2");
  EXPECT_EQ(shown(half, "uncountedTerminatedPods"), R"({"failed":["b"]})");

  JobDecision last = decide(stored, {{"a", "Succeeded", false}});
  EXPECT_EQ(shown(last, "succeeded"), "2");
  EXPECT_EQ(shown(last, "failed"), "1") << "the pod is gone, its end is not";
  EXPECT_EQ(condition(last, "Complete"), "True CompletionsReached");
  EXPECT_EQ(shown(last, "completionTime"), R"("2026-01-01T00:00:00Z")");
  ASSERT_EQ(last.events.size(), 1u);
  EXPECT_EQ(last.events[0].reason, "Completed");

  Object over = started.edit([&](json::value& doc) { doc.as_object()["status"] = last.status; });
  JobDecision after = decide(over, {{"a", "Succeeded", false}});
  EXPECT_EQ(after.status, last.status);
  EXPECT_TRUE(after.creates.empty() && after.untrack.empty() && after.deletes.empty());
}

TEST(JobPlan, FailsBeyondTheLimitAndEndsWhatRuns) {
  Object it = job(R"({"completions":4,"parallelism":4,"backoffLimit":1})", R"({"failed":1})");
  JobDecision decision = decide(it, {{"a", "Failed"}, {"b"}, {"c"}});
  EXPECT_EQ(condition(decision, "FailureTarget"), "True BackoffLimitExceeded");
  EXPECT_EQ(condition(decision, "Failed"), "");
  ASSERT_EQ(decision.deletes.size(), 2u) << "with their finalizers: they count as failed";
  EXPECT_EQ(decision.deletes[0].verb, client::Write::Verb::kRemove);
  EXPECT_TRUE(decision.creates.empty());

  Object target = it.edit([&](json::value& doc) { doc.as_object()["status"] = decision.status; });
  JobDecision waiting = decide(target, {{"a", "Failed", false}, {"b", "Running", true, "", true}});
  EXPECT_EQ(shown(waiting, "terminating"), "1");
  EXPECT_EQ(condition(waiting, "Failed"), "");
  JobDecision over = decide(target.edit([&](json::value& doc) { doc.as_object()["status"] = waiting.status; }), {});
  EXPECT_EQ(condition(over, "Failed"), "True BackoffLimitExceeded");
  EXPECT_EQ(shown(over, "failed"), "3");
  EXPECT_EQ(over.events.at(0).message, "Job has reached the specified backoff limit");
}

TEST(JobPlan, RestartsInPlaceCountForOnFailure) {
  Object it = job(R"({"backoffLimit":2})").edit([](json::value& doc) { json::set(doc, {"spec", "template", "spec", "restartPolicy"}, "OnFailure"); });
  auto with_restarts = [&](int64_t restarts) {
    Object running = pod({"a"}).edit([&](json::value& doc) {
      json::set(doc, {"status", "containerStatuses"}, json::array{json::object{{"restartCount", restarts}}});
    });
    return condition(plan({it, {running}}, kNow).value(), "FailureTarget");
  };
  EXPECT_EQ(with_restarts(1), "");
  EXPECT_EQ(with_restarts(2), "True BackoffLimitExceeded");
}

TEST(JobPlan, BacksOffByTheFailuresSinceTheLastSuccess) {
  struct {
    std::vector<PodIs> pods;
    Duration wait;  // from now; 0: makes one at once
  } cases[] = {
      {{}, 0s},
      {{{"a", "Failed", true, "", false, 4s}}, 6s},
      {{{"a", "Failed", false, "", false, 4s}}, 6s},
      {{{"a", "Failed", true, "", false, 10s}}, 0s},
      {{{"a", "Failed", true, "", false, 30s}, {"b", "Failed", true, "", false, 4s}}, 16s},
      {{{"a", "Failed", true, "", false, 30s}, {"b", "Succeeded", true, "", false, 8s, 0}, {"c", "Failed", true, "", false, 4s}}, 6s},
      {{{"a", "Failed", true, "", false, 9s}, {"b", "Succeeded", true, "", false, 8s, 0}}, 0s},
      {{{"a", "Failed"}, {"b", "Failed"}, {"c", "Failed"}, {"d", "Failed"}, {"e", "Failed"}, {"f", "Failed", true, "", false, 60s}}, 260s},
      {{{"a", "Failed"}, {"b", "Failed"}, {"c", "Failed"}, {"d", "Failed"}, {"e", "Failed"}, {"f", "Failed"}, {"g", "Failed", true, "", false, 60s}}, 5min},
  };
  int number = 0;
  for (const auto& each : cases) {
    JobDecision decision = decide(job(R"({"completions":9,"backoffLimit":50})"), each.pods);
    EXPECT_EQ(decision.creates.size(), each.wait == 0s ? 1u : 0u) << number;
    EXPECT_EQ(decision.look_again, each.wait > 0s ? std::optional(kNow + each.wait) : std::nullopt) << number;
    ++number;
  }
}

TEST(JobPlan, TheDeadlineCountsFromTheStart) {
  Object it = job(R"({"activeDeadlineSeconds":60})", R"({"startTime":"2025-12-31T23:59:30Z"})");
  JobDecision early = decide(it, {{"a"}});
  EXPECT_EQ(early.look_again, kNow + 30s);
  JobDecision late = decide(it, {{"a"}}, kNow + 30s);
  EXPECT_EQ(condition(late, "FailureTarget"), "True DeadlineExceeded");
  EXPECT_EQ(late.deletes.size(), 1u);
}

TEST(JobPlan, SuspensionTakesPodsBackUncounted) {
  Object it = job(R"({"completions":3,"parallelism":3,"suspend":true})", R"({"startTime":"2025-12-31T00:00:00Z"})");
  JobDecision decision = decide(it, {{"a"}});
  ASSERT_EQ(decision.deletes.size(), 2u);
  EXPECT_EQ(decision.deletes[0].verb, client::Write::Verb::kPatch) << "first the finalizer";
  EXPECT_EQ(decision.deletes[1].verb, client::Write::Verb::kRemove);
  EXPECT_EQ(condition(decision, "Suspended"), "True JobSuspended");
  JobDecision leaving = decide(it, {{"a", "Running", false, "", true}});
  EXPECT_EQ(shown(leaving, "terminating"), "1");
  EXPECT_EQ(shown(leaving, "uncountedTerminatedPods"), "{}") << "it does not count as failed";

  Object resumed = job(R"({"completions":3,"parallelism":3})").edit([&](json::value& doc) { doc.as_object()["status"] = decision.status; });
  JobDecision again = decide(resumed, {}, kNow + 1h);
  EXPECT_EQ(condition(again, "Suspended"), "False JobResumed");
  EXPECT_EQ(shown(again, "startTime"), R"("2026-01-01T01:00:00Z")");
  EXPECT_EQ(again.creates.size(), 3u);
  EXPECT_EQ(shown(decide(job(R"({"suspend":true})")), "startTime"), "") << "not started yet";
}

TEST(JobPlan, LessParallelismTakesTheLeastUseful) {
  Object it = job(R"({"completions":9,"parallelism":1})");
  JobDecision decision = decide(it, {{"a"}, {"b", "Pending"}, {"c"}});
  ASSERT_EQ(decision.deletes.size(), 4u);
  EXPECT_EQ(decision.deletes[1].name.name, "b");
}

TEST(JobPlan, IndexesAreDoneOncePerIndex) {
  Object it = job(R"({"completions":6,"parallelism":3,"completionMode":"Indexed"})", R"({"completedIndexes":"0,1"})");
  JobDecision decision = decide(it, {{"a", "Succeeded", true, "4"}, {"b", "Succeeded", true, "1"}, {"c", "Running", true, "2"}});
  EXPECT_EQ(shown(decision, "completedIndexes"), R"("0,1,4")");
  EXPECT_EQ(shown(decision, "succeeded"), "3");
  EXPECT_EQ(decision.untrack.size(), 2u);
  EXPECT_EQ(indexes(decision), (std::vector<std::string>{"3", "5"}));

  JobDecision doubled = decide(it, {{"a", "Running", true, "2"}, {"b", "Pending", true, "2"}, {"c", "Running", true, "77"}});
  ASSERT_EQ(doubled.deletes.size(), 4u) << "one of the two, and the one out of range";
}

TEST(JobPlan, AnIndexMayHaveALimitOfItsOwn) {
  Object it = job(R"({"completions":2,"parallelism":2,"completionMode":"Indexed","backoffLimitPerIndex":1})", R"({"completedIndexes":"1"})");
  JobDecision first = decide(it, {{"a", "Failed", true, "0"}});
  EXPECT_EQ(indexes(first), (std::vector<std::string>{"0"}));
  EXPECT_EQ(first.creates[0].object.annotation(kJobIndexFailures), "1");
  EXPECT_TRUE(first.untrack.empty()) << "it remembers the failure until another pod does";
  JobDecision second = decide(it, {{"a", "Failed", true, "0"}, {"b", "Running", true, "0", false, 1h, 1, "1"}});
  EXPECT_EQ(second.untrack.size(), 1u);
  JobDecision third = decide(it, {{"b", "Failed", true, "0", false, 1h, 1, "1"}});
  EXPECT_EQ(shown(third, "failedIndexes"), R"("0")");
  EXPECT_EQ(condition(third, "FailureTarget"), "True FailedIndexes");
}

TEST(JobPlan, PoliciesDecideWhatAFailureMeans) {
  Object it = job(R"({"completions":2,"podFailurePolicy":{"rules":[
      {"action":"FailJob","onExitCodes":{"operator":"In","values":[42]}},
      {"action":"Ignore","onPodConditions":[{"type":"DisruptionTarget"}]}]}})");
  JobDecision fatal = decide(it, {{"a", "Failed", true, "", false, 1h, 42}});
  EXPECT_EQ(condition(fatal, "FailureTarget"), "True PodFailurePolicy");
  EXPECT_EQ(judge_failure(Job(it), pod({"a", "Failed", true, "", false, 1h, 42})).message,
            "Container main for pod demo/a failed with exit code 42 matching FailJob rule at index 0");
  JobDecision counted = decide(it, {{"a", "Failed", true, "", false, 1h, 1}});
  EXPECT_EQ(shown(counted, "uncountedTerminatedPods"), R"({"failed":["a"]})");
  Object disrupted = pod({"a", "Failed"}).edit([](json::value& doc) {
    json::set(doc, {"status", "conditions"}, json::parse(R"([{"type":"DisruptionTarget","status":"True"}])").value());
  });
  JobDecision ignored = plan({it, {disrupted}}, kNow).value();
  EXPECT_EQ(shown(ignored, "uncountedTerminatedPods"), "{}");
  EXPECT_EQ(ignored.untrack.size(), 1u);

  JobDecision leaving = decide(it, {{"a", "Running", true, "", true}});
  EXPECT_TRUE(leaving.creates.empty()) << "with such a policy a pod is replaced only when it has ended";
  EXPECT_EQ(decide(job(R"({"completions":2})"), {{"a", "Running", false, "", true}}).creates.size(), 1u);
}

TEST(JobPlan, ASuccessPolicyEndsItEarly) {
  Object it = job(R"({"completions":9,"parallelism":9,"completionMode":"Indexed","successPolicy":{"rules":[{"succeededIndexes":"0,2-3","succeededCount":2}]}})",
                  R"({"completedIndexes":"0,1"})");
  EXPECT_EQ(condition(decide(it), "SuccessCriteriaMet"), "");
  JobDecision met = decide(it, {{"a", "Succeeded", true, "3"}, {"b", "Running", true, "5"}});
  EXPECT_EQ(condition(met, "SuccessCriteriaMet"), "True SuccessPolicy");
  EXPECT_EQ(met.deletes.size(), 1u);
}

TEST(JobPlan, GoesWhenItsTimeToLiveIsOver) {
  Object it = job(R"({"ttlSecondsAfterFinished":60})",
                  R"({"conditions":[{"type":"Complete","status":"True","lastTransitionTime":"2025-12-31T23:59:30Z"}]})");
  EXPECT_EQ(decide(it).look_again, kNow + 30s);
  EXPECT_FALSE(decide(it).expired);
  EXPECT_TRUE(decide(it, {}, kNow + 30s).expired);
}

}  // namespace
}  // namespace serin::cluster
