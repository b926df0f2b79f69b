// Addresses, placement and garbage: planners of one function each.

#include <gtest/gtest.h>

#include "cluster/deployment.h"
#include "cluster/garbage_planner.h"
#include "cluster/nodes/scheduler.h"
#include "cluster/service_addresses.h"
#include "cluster/testing/objects.h"
#include "kube/resources.h"

namespace serin::cluster {
namespace {

Object service(const std::string& spec) {
  return from_json(R"({"kind":"Service","metadata":{"namespace":"demo","name":"web"},"spec":)" + spec + "}");
}

TEST(ServiceAddresses, StayInTheClustersUpperHalf) {
  ServiceAddressAllocator allocator(1);
  std::set<std::string> used;
  for (int i = 0; i < 2000; ++i) {
    std::string address = allocator.allocate(concat("demo/", i), used).value();
    EXPECT_TRUE(address.starts_with("127.11.")) << address;
    EXPECT_TRUE(allocator.contains(address));
    EXPECT_TRUE(used.insert(address).second) << address;
  }
  EXPECT_EQ(allocator.allocate("demo/web", {}).value(), allocator.allocate("demo/web", {}).value());
  EXPECT_FALSE(allocator.contains("127.11.127.255"));
  EXPECT_FALSE(allocator.contains("127.12.128.1"));
  EXPECT_FALSE(allocator.contains("nonsense"));
}

TEST(ServiceAddresses, AreFilledInWhereTheyAreMissing) {
  ServiceAddressAllocator allocator(1);
  Object assigned = allocator.assign(service("{}"), {}).value();
  EXPECT_TRUE(allocator.contains(json::get_string(assigned.doc(), "spec", "clusterIP")));
  EXPECT_EQ(allocator.assign(assigned, {}).value(), assigned);
  EXPECT_EQ(json::get_string(allocator.assign(service(R"({"clusterIP":"None"})"), {}).value().doc(), "spec", "clusterIP"), "None");
  EXPECT_EQ(allocator.assign(service(R"({"type":"ExternalName"})"), {}).value(), service(R"({"type":"ExternalName"})"));
  EXPECT_TRUE(failed_with(allocator.assign(service(R"({"clusterIP":"10.0.0.1"})"), {}), Code::kInvalid));
  EXPECT_TRUE(failed_with(allocator.assign(service(R"({"clusterIP":"127.11.128.50"})"), {"127.11.128.50"}), Code::kInvalid));
}

TEST(ServiceAddresses, LoadBalancersShowTheirAddress) {
  EXPECT_EQ(json::dump(load_balancer_status(service(R"({"type":"LoadBalancer","clusterIP":"127.11.128.50"})"))),
            R"({"ingress":[{"ip":"127.11.128.50","ipMode":"VIP"}]})");
  EXPECT_EQ(json::dump(load_balancer_status(service(R"({"clusterIP":"127.11.128.50"})"))), "{}");
}

TEST(Place, ChoosesTheEmptiestNodeThatFits) {
  Object pod = from_json(R"({"metadata":{"name":"p"},"spec":{"nodeSelector":{"disk":"ssd"}}})");
  auto with = [](Object node, const char* key, json::value value) {
    return node.edit([&](json::value& doc) { json::set(doc, {"metadata", "labels", key}, value); });
  };
  Object ssd_1 = with(node("a"), "disk", "ssd"), ssd_2 = with(node("b"), "disk", "ssd");
  EXPECT_EQ(place(pod, {{ssd_1, 5}, {ssd_2, 3}, {node("c"), 0}}).node, "b");
  EXPECT_EQ(place(pod, {{node("c"), 0}, {with(node("d", false), "disk", "ssd"), 0}}).reason,
            "0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) had untolerated taint {node.kubernetes.io/not-ready: }.");
  EXPECT_EQ(place(pod, {}).reason, "no nodes available to schedule pods");
}

TEST(Place, HonoursTaints) {
  Object tainted = node("a").edit([](json::value& doc) {
    json::set(doc, {"spec", "taints"}, json::parse(R"([{"key":"k","value":"v","effect":"NoSchedule"}])").value());
  });
  EXPECT_EQ(place(from_json(R"({"spec":{}})"), {{tainted, 0}}).reason, "0/1 nodes are available: 1 node(s) had untolerated taint {k: v}.");
  EXPECT_EQ(place(from_json(R"({"spec":{"tolerations":[{"key":"k","value":"v"}]}})"), {{tainted, 0}}).node, "a");
  EXPECT_EQ(place(from_json(R"({"spec":{"tolerations":[{"operator":"Exists"}]}})"), {{tainted, 0}}).node, "a");
  EXPECT_EQ(place(from_json(R"({"spec":{"tolerations":[{"key":"k","value":"x"}]}})"), {{tainted, 0}}).node, "");
}

TEST(Place, HonoursRequiredNodeAffinity) {
  Object labelled = node("a").edit([](json::value& doc) {
    json::set(doc, {"metadata", "labels"}, json::parse(R"({"zone":"z1","cores":"8"})").value());
  });
  struct {
    const char* terms;
    bool fits;
  } cases[] = {
      {R"([{"matchExpressions":[{"key":"zone","operator":"In","values":["z1","z2"]}]}])", true},
      {R"([{"matchExpressions":[{"key":"zone","operator":"NotIn","values":["z1"]}]}])", false},
      {R"([{"matchExpressions":[{"key":"disk","operator":"DoesNotExist"},{"key":"zone","operator":"Exists"}]}])", true},
      {R"([{"matchExpressions":[{"key":"cores","operator":"Gt","values":["4"]}]}])", true},
      {R"([{"matchExpressions":[{"key":"cores","operator":"Lt","values":["4"]}]}])", false},
      {R"([{"matchExpressions":[{"key":"disk","operator":"Exists"}]},{"matchFields":[{"key":"metadata.name","operator":"In","values":["a"]}]}])", true},
      {R"([{}])", false},
      {R"([])", false},
  };
  for (const auto& each : cases) {
    Object pod = from_json(concat(R"({"spec":{"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":)",
                                  each.terms, "}}}}}"));
    EXPECT_EQ(place(pod, {{labelled, 0}}).node, each.fits ? "a" : "") << each.terms;
  }
}

TEST(Place, CountsPodsAndLooksForResourcesThatANodeHasNot) {
  Object small = node("a").edit([](json::value& doc) {
    json::set(doc, {"status", "allocatable"}, json::parse(R"({"pods":"2","cpu":"1","x.io/gpu":"1"})").value());
  });
  auto asks = [](const char* requests) {
    return from_json(concat(R"({"spec":{"containers":[{"resources":{"requests":)", requests, "}}]}}"));
  };
  EXPECT_EQ(place(asks("{}"), {{small, 2}}).reason, "0/1 nodes are available: 1 Too many pods.");
  EXPECT_EQ(place(asks(R"({"cpu":"64"})"), {{small, 1}}).node, "a") << "processes share the machine";
  EXPECT_EQ(place(asks(R"({"x.io/gpu":"1"})"), {{small, 1}}).node, "a");
  EXPECT_EQ(place(asks(R"({"x.io/gpu":2})"), {{small, 1}}).reason, "0/1 nodes are available: 1 Insufficient x.io/gpu.");
}

Object owned(const std::vector<std::string>& uids, bool blocking = true) {
  json::array owners;
  for (const std::string& uid : uids)
    owners.push_back(json::object{{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"name", uid}, {"uid", uid},
                                  {"blockOwnerDeletion", blocking}});
  return Object(json::object{{"metadata", json::object{{"namespace", "demo"}, {"name", "it"}, {"uid", "it"},
                                                       {"resourceVersion", "7"}, {"ownerReferences", owners}}}});
}

Object ending(const char* finalizer) {
  return from_json(concat(R"({"metadata":{"namespace":"demo","name":"owner","uid":"owner","resourceVersion":"3",
      "deletionTimestamp":"2026-01-01T00:00:00Z","finalizers":[")", finalizer, R"("]}})"));
}

TEST(Garbage, GoesWhenItsLastOwnerHasGone) {
  using State = OwnerState::State;
  auto decide = [](std::vector<State> states) {
    std::vector<OwnerState> owners;
    std::vector<std::string> uids;
    for (size_t i = 0; i < states.size(); ++i) {
      uids.push_back(std::to_string(i));
      owners.push_back({{"v1", "ConfigMap", uids.back(), uids.back()}, states[i]});
    }
    return plan({kube::kConfigMaps, owned(uids), owners, {}}).writes;
  };
  EXPECT_TRUE(decide({State::kPresent}).empty());
  EXPECT_TRUE(decide({State::kUnknown}).empty());
  EXPECT_TRUE(decide({State::kPresent, State::kPresent}).empty());
  auto gone = decide({State::kGone, State::kGone});
  ASSERT_EQ(gone.size(), 1u);
  EXPECT_EQ(gone[0].verb, client::Write::Verb::kRemove);
  EXPECT_EQ(gone[0].remove.uid, "it");
  auto partly = decide({State::kGone, State::kPresent});
  ASSERT_EQ(partly.size(), 1u);
  EXPECT_EQ(json::dump(partly[0].patch.body),
            R"({"metadata":{"resourceVersion":"7","ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"1","uid":"1","blockOwnerDeletion":true}]}})");
}

TEST(Garbage, AForegroundDeletionWaitsForBlockingDependents) {
  GarbageObserved observed{kube::kConfigMaps, ending(kForegroundFinalizer), {}, {{kube::kConfigMaps, owned({"owner"})}}};
  EXPECT_TRUE(plan(observed).writes.empty());
  EXPECT_TRUE(plan(observed).wait);
  observed.dependents = {{kube::kConfigMaps, owned({"owner"}, false)}};
  ASSERT_EQ(plan(observed).writes.size(), 1u);
  EXPECT_EQ(json::dump(plan(observed).writes[0].patch.body), R"({"metadata":{"resourceVersion":"3","finalizers":[]}})");
}

TEST(Garbage, OrphaningFreesTheDependentsFirst) {
  auto writes = plan({kube::kConfigMaps, ending(kOrphanFinalizer), {}, {{kube::kConfigMaps, owned({"owner", "x"})}}}).writes;
  ASSERT_EQ(writes.size(), 2u);
  EXPECT_EQ(writes[0].name.name, "it");
  EXPECT_EQ(writes[1].name.name, "owner");
}

TEST(TemplateHash, DependsOnTheTemplateAlone) {
  json::value one = pod_template("web", "v1"), other = pod_template("web", "v2");
  EXPECT_EQ(template_hash(one, 0), template_hash(pod_template("web", "v1"), 0));
  EXPECT_NE(template_hash(one, 0), template_hash(other, 0));
  EXPECT_NE(template_hash(one, 0), template_hash(one, 1));
  json::value labelled = one;
  json::set(labelled, {"metadata", "labels", kHashLabel}, "abc");
  EXPECT_EQ(template_hash(one, 0), template_hash(labelled, 0));
}

}  // namespace
}  // namespace serin::cluster
