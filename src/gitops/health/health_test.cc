#include "gitops/health/health.h"

#include <gtest/gtest.h>

#include "base/strings.h"
#include "data/yaml.h"

namespace serin::gitops::health {
namespace {

kube::Object object(std::string_view text) { return kube::Object(yaml::parse(text).value()); }

struct Case {
  const char *object, *want;
};

void expect(std::string_view head, std::initializer_list<Case> cases) {
  for (const Case& c : cases) {
    std::optional<Health> got = assess(object(concat(head, c.object)));
    EXPECT_EQ(got ? text(got->status) : "none", std::string_view(c.want)) << head << c.object;
  }
}

TEST(Health, Workloads) {
  expect("apiVersion: apps/v1\nkind: Deployment\n", {
      {"metadata: {generation: 2}\nstatus: {observedGeneration: 1}", "Progressing"},
      {"spec: {paused: true}", "Suspended"},
      {"spec: {replicas: 2}\nstatus: {replicas: 2, updatedReplicas: 1}", "Progressing"},
      {"spec: {replicas: 2}\nstatus: {replicas: 3, updatedReplicas: 2, availableReplicas: 3}", "Progressing"},
      {"spec: {replicas: 2}\nstatus: {replicas: 2, updatedReplicas: 2, availableReplicas: 1}", "Progressing"},
      {"spec: {replicas: 2}\nstatus: {replicas: 2, updatedReplicas: 2, availableReplicas: 2}", "Healthy"},
      {"spec: {replicas: 0}\nstatus: {}", "Healthy"},
      {"status: {conditions: [{type: Progressing, reason: ProgressDeadlineExceeded}]}", "Degraded"},
      {"metadata: {deletionTimestamp: '2026-01-01T00:00:00Z'}", "Progressing"},
  });
  expect("apiVersion: apps/v1\nkind: ReplicaSet\n", {
      {"status: {availableReplicas: 1}", "Healthy"}, {"status: {}", "Progressing"},
      {"status: {conditions: [{type: ReplicaFailure, status: 'True'}]}", "Degraded"}});
  expect("apiVersion: apps/v1\nkind: StatefulSet\n", {
      {"status: {readyReplicas: 0}", "Progressing"},
      {"status: {readyReplicas: 1, updateRevision: a, currentRevision: b}", "Progressing"},
      {"status: {readyReplicas: 1, updateRevision: a, currentRevision: a}", "Healthy"}});
  expect("apiVersion: apps/v1\nkind: DaemonSet\n", {
      {"status: {desiredNumberScheduled: 2, updatedNumberScheduled: 1}", "Progressing"},
      {"status: {desiredNumberScheduled: 2, updatedNumberScheduled: 2, numberAvailable: 2}", "Healthy"}});
}

TEST(Health, PodsJobsServicesClaims) {
  expect("apiVersion: v1\nkind: Pod\n", {
      {"status: {phase: Pending}", "Progressing"},
      {"status: {phase: Pending, containerStatuses: [{name: a, state: {waiting: {reason: ErrImageNeverPull}}}]}", "Degraded"},
      {"status: {phase: Running, conditions: [{type: Ready, status: 'True'}]}", "Healthy"},
      {"status: {phase: Running, conditions: [{type: Ready, status: 'False'}]}", "Progressing"},
      {"status: {phase: Running, containerStatuses: [{name: a, state: {waiting: {reason: CrashLoopBackOff}}}]}", "Degraded"},
      {"status: {phase: Running, containerStatuses: [{name: a, lastState: {terminated: {exitCode: 1}}}]}", "Degraded"},
      {"spec: {restartPolicy: Never}\nstatus: {phase: Running}", "Progressing"},
      {"status: {phase: Succeeded}", "Healthy"}, {"status: {phase: Failed}", "Degraded"}, {"status: {}", "Unknown"}});
  expect("apiVersion: batch/v1\nkind: Job\n", {
      {"status: {}", "Progressing"}, {"status: {conditions: [{type: Complete, status: 'True'}]}", "Healthy"},
      {"status: {conditions: [{type: Failed, status: 'True'}]}", "Degraded"},
      {"status: {conditions: [{type: Suspended, status: 'True'}]}", "Suspended"}});
  expect("apiVersion: v1\nkind: Service\n", {
      {"spec: {type: ClusterIP}", "Healthy"}, {"spec: {type: LoadBalancer}", "Progressing"},
      {"spec: {type: LoadBalancer}\nstatus: {loadBalancer: {ingress: [{ip: 127.0.0.1}]}}", "Healthy"}});
  expect("apiVersion: v1\nkind: PersistentVolumeClaim\n", {
      {"status: {phase: Bound}", "Healthy"}, {"status: {phase: Lost}", "Degraded"}, {"status: {phase: Pending}", "Progressing"}});
}

TEST(Health, Rollouts) {
  expect("apiVersion: argoproj.io/v1alpha1\nkind: Rollout\n", {
      {"metadata: {generation: 2}", "Progressing"},
      {"metadata: {generation: 2}\nstatus: {phase: Healthy, observedGeneration: '1'}", "Progressing"},
      {"metadata: {generation: 2}\nstatus: {phase: Healthy, observedGeneration: '2'}", "Healthy"},
      {"metadata: {generation: 2}\nstatus: {phase: Healthy, observedGeneration: 7b9d}", "Healthy"},
      {"metadata: {generation: 2}\nstatus: {phase: Paused, observedGeneration: '3'}", "Suspended"},
      {"status: {phase: Degraded, observedGeneration: '1'}", "Degraded"},
      {"status: {phase: Progressing, observedGeneration: '1'}", "Progressing"},
      {"metadata: {annotations: {rollout.argoproj.io/workload-generation: '2'}}\nstatus: {phase: Healthy, observedGeneration: '1', workloadObservedGeneration: '1'}", "Progressing"},
      {"status: {observedGeneration: '1', conditions: [{type: InvalidSpec}]}", "Degraded"},
      {"status: {observedGeneration: '1', pauseConditions: [{reason: CanaryPauseStep}]}", "Suspended"},
      {"status: {observedGeneration: '1', replicas: 1, updatedReplicas: 1, availableReplicas: 1}", "Healthy"},
  });
}

TEST(Health, KindsThatSayNothing) {
  expect("", {{"apiVersion: v1\nkind: ConfigMap", "none"},
              {"apiVersion: networking.istio.io/v1\nkind: VirtualService", "none"},
              {"apiVersion: example.com/v1\nkind: Deployment", "none"}});
}

TEST(Health, AggregateIsTheWorstThatCounts) {
  kube::Object a = object("{kind: Pod, apiVersion: v1, metadata: {name: a}}"), child = object("{kind: Application, apiVersion: argoproj.io/v1alpha1, metadata: {name: c}}"),
               ignored = object("{kind: Pod, apiVersion: v1, metadata: {name: i, annotations: {argocd.argoproj.io/ignore-healthcheck: 'true'}}}");
  Health bad{Status::kDegraded, "boom"}, waiting{Status::kProgressing, ""}, unknown{Status::kUnknown, ""};
  EXPECT_EQ(aggregate({}).status, Status::kHealthy);
  EXPECT_EQ(aggregate({{nullptr, {}}}).status, Status::kMissing);
  EXPECT_EQ(aggregate({{nullptr, {}}, {&a, Health{}}}).status, Status::kHealthy);
  EXPECT_EQ(aggregate({{&a, bad}, {&a, waiting}}), (Health{Status::kDegraded, "Pod a: boom"}));
  EXPECT_EQ(aggregate({{&ignored, bad}, {&child, unknown}, {&a, {}}}).status, Status::kHealthy);
  EXPECT_EQ(aggregate({{&a, bad}, {&a, bad}, {&a, bad}, {&a, bad}}).message, "Pod a: boom; Pod a: boom; Pod a: boom; and 1 more");
}

}  // namespace
}  // namespace serin::gitops::health
