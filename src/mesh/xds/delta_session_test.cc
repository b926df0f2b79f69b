#include "mesh/xds/delta_session.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <deque>

namespace serin::mesh {
namespace {

using T = ResourceType;
using List = std::vector<std::string>;

/// Resources as "name@content>cluster+cluster": the version is the content, the source is the name at that version.
EnvoyResourcePtr made(const std::string& name, int content, List clusters = {}, List addresses = {}) {
  auto out = std::make_shared<EnvoyResource>();
  out->name = name;
  out->version = std::to_string(content);
  for (const std::string& cluster : clusters) out->version += "+" + cluster;
  for (const std::string& address : addresses) out->version += "@" + address;
  out->sources = {SourceRef{"VirtualService", {"demo", name}, name, content}};
  out->clusters = std::move(clusters);
  out->addresses = std::move(addresses);
  return out;
}

struct Snapshot {
  std::shared_ptr<ResourceSet> set = std::make_shared<ResourceSet>();
  Snapshot& put(T type, EnvoyResourcePtr resource) {
    set->of(type)[resource->name] = std::move(resource);
    return *this;
  }
  Snapshot& cluster(const std::string& name, int content = 1, List addresses = {}) {
    return put(T::kCluster, made(name, content)).put(T::kEndpoints, made(name, content, {}, std::move(addresses)));
  }
  Snapshot& route(const std::string& name, int content, List clusters) {
    return put(T::kListener, made("l-" + name, 1)).put(T::kRoute, made(name, content, std::move(clusters)));
  }
};

/// A proxy that follows the protocol: subscribes to the endpoints of its clusters and the route tables of its
/// listeners, lets go of them, and applies what it acknowledges. Messages wait in order until `step`.
struct Proxy {
  DeltaSession session;
  std::deque<DeltaResponse> inbox;
  std::map<T, std::map<std::string, EnvoyResourcePtr>> has;
  std::set<std::string> poison;  // versions it refuses
  std::string violation;
  std::map<T, int> sent;

  void take(std::vector<DeltaResponse> responses) {
    for (DeltaResponse& response : responses) {
      sent[response.type] += static_cast<int>(response.resources.size() + response.removed.size());
      inbox.push_back(std::move(response));
    }
  }
  void connect(const std::map<T, std::map<std::string, std::string>>& initial = {}) {
    for (T type : kResourceTypes) {
      DeltaRequest request{type, {}, {}, {}, "", {}};
      if (auto found = initial.find(type); found != initial.end()) request.initial_versions = found->second;
      bool named = type == T::kEndpoints || type == T::kRoute;
      if (named) for (const auto& [name, version] : request.initial_versions) request.subscribe.push_back(name);
      if (!named || !request.subscribe.empty()) take(session.on_request(request));
    }
  }
  void subscribe(T type, List add, List remove) {
    if (!add.empty() || !remove.empty()) take(session.on_request({type, std::move(add), std::move(remove), {}, "", {}}));
  }
  /// Answers the oldest message. False where there is none.
  bool step() {
    if (inbox.empty()) return false;
    DeltaResponse response = std::move(inbox.front());
    inbox.pop_front();
    DeltaRequest answer{response.type, {}, {}, {}, response.nonce, {}};
    List add, remove;
    for (const EnvoyResourcePtr& resource : response.resources)
      if (poison.contains(resource->version)) answer.error = "bad " + resource->name;
    T parent = response.type == T::kCluster ? T::kEndpoints : T::kRoute;
    bool parents = response.type == T::kCluster || response.type == T::kListener;
    auto child = [&](const std::string& name) { return response.type == T::kListener ? name.substr(2) : name; };
    for (const EnvoyResourcePtr& resource : response.resources) {
      if (poison.contains(resource->version)) continue;
      // What it unsubscribed from while this was on the way it does not take.
      if (response.type == T::kEndpoints && !has[T::kCluster].contains(resource->name)) continue;
      if (response.type == T::kRoute && !has[T::kListener].contains("l-" + resource->name)) continue;
      if (parents && !has[response.type].contains(resource->name)) add.push_back(child(resource->name));
      has[response.type][resource->name] = resource;
    }
    for (const std::string& name : response.removed) {
      if (response.type == T::kRoute || response.type == T::kEndpoints) continue;  // Envoy ignores it
      if (parents && has[response.type].erase(name)) remove.push_back(child(name));
    }
    for (const std::string& name : remove) has[parent].erase(name);
    check();
    take(session.on_request(answer));
    subscribe(parent, add, remove);
    return true;
  }
  void check() {
    for (const auto& [name, table] : has[T::kRoute])
      for (const std::string& cluster : table->clusters)
        if (!has[T::kCluster].contains(cluster) || !has[T::kEndpoints].contains(cluster))
          violation = name + " names " + cluster;
  }
  void settle() {
    while (step()) {
    }
  }
  Progress progress(const std::string& name, int content) const {
    return session.progress_of({"VirtualService", {"demo", name}, name, content});
  }
};

TEST(DeltaSession, FirstConnection) {
  Proxy proxy;
  proxy.connect();
  EXPECT_TRUE(proxy.inbox.empty()) << "nothing before the first snapshot";
  proxy.take(proxy.session.on_snapshot(Snapshot().cluster("a").route("r", 1, {"a"}).set));
  proxy.settle();
  EXPECT_EQ(proxy.has[T::kRoute].size(), 1u);
  EXPECT_TRUE(proxy.session.settled());
  EXPECT_EQ(proxy.violation, "");
  EXPECT_EQ(proxy.progress("r", 1), (Progress{true, true, ""}));
}

TEST(DeltaSession, ReconnectWithTheSameVersionsSendsNothing) {
  Proxy proxy;
  auto set = Snapshot().cluster("a", 1).route("r", 1, {"a"}).set;
  std::map<T, std::map<std::string, std::string>> initial;
  for (T type : kResourceTypes)
    for (const auto& [name, resource] : set->of(type)) initial[type][name] = resource->version;
  for (bool snapshot_first : {true, false}) {
    Proxy again;
    if (snapshot_first) again.take(again.session.on_snapshot(set));
    again.connect(initial);
    if (!snapshot_first) again.take(again.session.on_snapshot(set));
    EXPECT_TRUE(again.inbox.empty()) << snapshot_first;
    EXPECT_TRUE(again.session.settled());
    EXPECT_TRUE(again.progress("r", 1).acked);
  }
}

TEST(DeltaSession, AReconnectingProxyKeepsTheClustersOfItsOldRoutes) {
  Proxy proxy;
  proxy.has[T::kCluster]["gone"] = made("gone", 1);
  proxy.has[T::kEndpoints]["gone"] = made("gone", 1);
  proxy.has[T::kListener]["l-r"] = made("l-r", 1);
  proxy.has[T::kRoute]["r"] = made("r", 1, {"gone"});
  proxy.take(proxy.session.on_snapshot(Snapshot().cluster("new").route("r", 2, {"new"}).set));
  proxy.connect({{T::kCluster, {{"gone", "1"}}}, {T::kEndpoints, {{"gone", "1"}}}, {T::kListener, {{"l-r", "1"}}}, {T::kRoute, {{"r", "1+gone"}}}});
  proxy.settle();
  EXPECT_EQ(proxy.violation, "") << "the cluster leaves after the route";
  EXPECT_FALSE(proxy.has[T::kCluster].contains("gone"));
  EXPECT_EQ(proxy.has[T::kRoute]["r"]->version, "2+new");
}

TEST(DeltaSession, ClustersOfUnseenRoutesStayThroughASecondSnapshot) {
  Proxy proxy;
  proxy.has[T::kCluster]["a"] = made("a", 1);
  proxy.has[T::kEndpoints]["a"] = made("a", 1);
  proxy.has[T::kListener]["l-r"] = made("l-r", 1);
  proxy.has[T::kRoute]["r"] = made("r", 9, {"a"});
  proxy.connect({{T::kCluster, {{"a", "1"}}}, {T::kEndpoints, {{"a", "1"}}}, {T::kListener, {{"l-r", "1"}}}, {T::kRoute, {{"r", "9+a"}}}});
  proxy.take(proxy.session.on_snapshot(Snapshot().cluster("a").route("r", 2, {}).set));
  proxy.take(proxy.session.on_snapshot(Snapshot().route("r", 3, {}).set));
  proxy.settle();
  EXPECT_EQ(proxy.violation, "") << "the cluster was confirmed, the route table that names it was not";
  EXPECT_TRUE(proxy.has[T::kCluster].empty());
}

TEST(DeltaSession, ClustersGoWhenAnUnchangedRouteTurnsOutToBeTheLastThatWasUnseen) {
  Proxy proxy;
  proxy.has[T::kCluster]["gone"] = made("gone", 1);
  proxy.has[T::kEndpoints]["gone"] = made("gone", 1);
  proxy.has[T::kListener]["l-r"] = made("l-r", 1);
  proxy.has[T::kRoute]["r"] = made("r", 1);
  proxy.connect({{T::kCluster, {{"gone", "1"}}}, {T::kEndpoints, {{"gone", "1"}}}, {T::kListener, {{"l-r", "1"}}}, {T::kRoute, {{"r", "1"}}}});
  proxy.take(proxy.session.on_snapshot(Snapshot().route("r", 1, {}).set));
  proxy.settle();
  EXPECT_TRUE(proxy.has[T::kCluster].empty());
}

TEST(DeltaSession, RoutesWaitForTheirNewClusters) {
  Proxy proxy;
  proxy.connect();
  proxy.take(proxy.session.on_snapshot(Snapshot().cluster("a").route("r", 1, {"a"}).set));
  proxy.settle();
  proxy.take(proxy.session.on_snapshot(Snapshot().cluster("a").cluster("b").route("r", 2, {"a", "b"}).set));
  ASSERT_EQ(proxy.inbox.size(), 1u);
  EXPECT_EQ(proxy.inbox[0].type, T::kCluster) << "nothing else goes out yet";
  EXPECT_FALSE(proxy.progress("r", 2).acked);
  proxy.settle();
  EXPECT_EQ(proxy.has[T::kRoute]["r"]->version, "2+a+b");
  proxy.take(proxy.session.on_snapshot(Snapshot().cluster("b").route("r", 3, {"b"}).set));
  ASSERT_EQ(proxy.inbox.size(), 1u);
  EXPECT_EQ(proxy.inbox[0].type, T::kRoute) << "the cluster is removed after the route table has let go of it";
  proxy.settle();
  EXPECT_FALSE(proxy.has[T::kCluster].contains("a"));
  EXPECT_EQ(proxy.violation, "");
}

TEST(DeltaSession, AClusterThatComesBackWhileItsRemovalIsOnTheWay) {
  Proxy proxy;
  proxy.connect();
  proxy.take(proxy.session.on_snapshot(Snapshot().cluster("a").route("r", 1, {"a"}).set));
  proxy.settle();
  proxy.take(proxy.session.on_snapshot(Snapshot().route("r", 2, {}).set));
  proxy.step();
  ASSERT_EQ(proxy.inbox.size(), 1u);
  EXPECT_EQ(proxy.inbox[0].removed, List{"a"});
  proxy.take(proxy.session.on_snapshot(Snapshot().cluster("a").route("r", 3, {"a"}).set));
  proxy.settle();
  EXPECT_EQ(proxy.violation, "");
  EXPECT_EQ(proxy.has[T::kRoute]["r"]->version, "3+a");
}

TEST(DeltaSession, AChangedClusterGetsItsEndpointsAgain) {
  Proxy proxy;
  proxy.connect();
  proxy.take(proxy.session.on_snapshot(Snapshot().cluster("a").set));
  proxy.settle();
  Snapshot next;
  next.put(T::kCluster, made("a", 2)).put(T::kEndpoints, made("a", 1));
  proxy.take(proxy.session.on_snapshot(next.set));
  ASSERT_EQ(proxy.inbox.size(), 2u);
  EXPECT_EQ(proxy.inbox[1].type, T::kEndpoints) << "unchanged, but the cluster waits for it";
}

TEST(DeltaSession, RejectedContentIsNotSentAgain) {
  Proxy proxy;
  proxy.connect();
  proxy.take(proxy.session.on_snapshot(Snapshot().cluster("a").route("r", 1, {"a"}).set));
  proxy.settle();
  proxy.session.take_progress();
  proxy.poison = {"2+a"};
  proxy.take(proxy.session.on_snapshot(Snapshot().cluster("a").route("r", 2, {"a"}).set));
  proxy.settle();
  EXPECT_EQ(proxy.progress("r", 2), (Progress{true, false, "bad r"}));
  auto told = proxy.session.take_progress();
  EXPECT_EQ(told.size(), 2u) << "the generation that goes and the one that comes";
  EXPECT_EQ(proxy.has[T::kRoute]["r"]->version, "1+a") << "the last good one serves";
  EXPECT_TRUE(proxy.session.settled());
  int before = proxy.sent[T::kRoute];
  proxy.take(proxy.session.on_snapshot(Snapshot().cluster("a").cluster("b").route("r", 2, {"a"}).set));
  proxy.settle();
  EXPECT_EQ(proxy.sent[T::kRoute], before);
  proxy.take(proxy.session.on_snapshot(Snapshot().cluster("a").route("r", 3, {"a"}).set));
  proxy.settle();
  EXPECT_EQ(proxy.progress("r", 3), (Progress{true, true, ""}));
}

TEST(DeltaSession, ARejectionSticksToItsCause) {
  Proxy proxy;
  proxy.connect();
  proxy.poison = {"66"};
  proxy.take(proxy.session.on_snapshot(Snapshot().cluster("a").cluster("bad", 66).cluster("c").set));
  proxy.settle();
  EXPECT_EQ(proxy.progress("a", 1).rejection, "");
  EXPECT_TRUE(proxy.progress("a", 1).acked);
  EXPECT_TRUE(proxy.progress("c", 1).acked);
  EXPECT_EQ(proxy.progress("bad", 66).rejection, "bad bad");
  EXPECT_TRUE(proxy.session.settled());
}

TEST(DeltaSession, AfterARejectionInPartEverythingIsSaidAgain) {
  Proxy proxy;
  proxy.connect();
  proxy.take(proxy.session.on_snapshot(Snapshot().cluster("a", 1).cluster("gone").set));
  proxy.settle();
  proxy.poison = {"66"};
  proxy.take(proxy.session.on_snapshot(Snapshot().cluster("a", 2).cluster("bad", 66).set));
  proxy.step();  // takes the new a, lets go of the other, refuses the third: as a whole a rejection
  proxy.take(proxy.session.on_snapshot(Snapshot().cluster("a", 1).cluster("gone").set));
  proxy.settle();
  EXPECT_EQ(proxy.has[T::kCluster]["a"]->version, "1");
  EXPECT_TRUE(proxy.has[T::kCluster].contains("gone"));
  EXPECT_TRUE(proxy.session.settled());
}

TEST(DeltaSession, AStaleNonceChangesSubscriptionsOnly) {
  Proxy proxy;
  proxy.connect();
  proxy.take(proxy.session.on_snapshot(Snapshot().cluster("a").set));
  auto out = proxy.session.on_request({T::kEndpoints, {"a"}, {}, {}, "999", std::nullopt});
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].resources[0]->name, "a");
}

TEST(DeltaSession, AMissingNameIsAnsweredOnce) {
  DeltaSession session;
  session.on_snapshot(Snapshot().cluster("a").set);
  auto out = session.on_request({T::kEndpoints, {"nobody"}, {}, {}, "", {}});
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].removed, List{"nobody"});
  EXPECT_TRUE(session.on_request({T::kEndpoints, {}, {}, {}, out[0].nonce, {}}).empty());
  EXPECT_TRUE(session.on_snapshot(Snapshot().cluster("a").cluster("b").set).empty());
  out = session.on_snapshot(Snapshot().cluster("nobody").set);
  ASSERT_EQ(out.size(), 1u) << "and sent when it comes";
}

TEST(DeltaSession, WildcardsAndUnsubscribing) {
  DeltaSession session;
  session.on_snapshot(Snapshot().cluster("a").cluster("b").set);
  auto named = session.on_request({T::kCluster, {"b"}, {}, {}, "", {}});
  ASSERT_EQ(named[0].resources.size(), 1u) << "named, so not all";
  auto all = session.on_request({T::kCluster, {"*"}, {}, {}, named[0].nonce, {}});
  ASSERT_EQ(all[0].resources.size(), 1u);
  EXPECT_EQ(all[0].resources[0]->name, "a");
}

TEST(DeltaSession, SaysWhichAddressesAreInUse) {
  Proxy proxy;
  proxy.connect();
  proxy.take(proxy.session.on_snapshot(Snapshot().cluster("a", 1, {"10.0.0.1", "10.0.0.2"}).set));
  EXPECT_FALSE(proxy.session.in_use("10.0.0.1"));
  proxy.step();
  EXPECT_TRUE(proxy.session.in_use("10.0.0.1")) << "on the way";
  proxy.settle();
  proxy.take(proxy.session.on_snapshot(Snapshot().cluster("a", 2, {"10.0.0.2"}).set));
  EXPECT_TRUE(proxy.session.in_use("10.0.0.1")) << "until the change is acknowledged";
  proxy.settle();
  EXPECT_FALSE(proxy.session.in_use("10.0.0.1"));
  EXPECT_TRUE(proxy.session.in_use("10.0.0.2"));
  EXPECT_EQ(proxy.session.take_released(), std::set<std::string>{"10.0.0.1"});
}

TEST(DeltaSession, AnObjectThatSaysTheSameAnewIsAckedWithoutSending) {
  Proxy proxy;
  proxy.connect();
  auto again = std::make_shared<EnvoyResource>(*made("r", 1, {"a"}));
  again->sources[0].generation = 2;
  proxy.take(proxy.session.on_snapshot(Snapshot().cluster("a").route("r", 1, {"a"}).set));
  proxy.settle();
  proxy.take(proxy.session.on_snapshot(Snapshot().cluster("a").route("r", 1, {"a"}).put(T::kRoute, again).set));
  EXPECT_TRUE(proxy.inbox.empty());
  EXPECT_EQ(proxy.progress("r", 2), (Progress{true, true, ""}));
  EXPECT_FALSE(proxy.progress("r", 1).subscribed);
}

/// Random snapshots, answered at random moments, with some content refused and one reconnect: in the end the proxy runs
/// the last snapshot (or what it had of what it refused), and at no moment a route table names a cluster that the proxy
/// lacks.
TEST(DeltaSession, AlwaysArrivesAndNeverBreaks) {
  EXPECT_TRUE(rc::check([] {
    Proxy proxy;
    proxy.connect();
    std::shared_ptr<ResourceSet> last;
    bool refuse = *rc::gen::arbitrary<bool>();
    if (refuse) proxy.poison = {"3", "3+a", "3+b", "3+a+b"};
    int rounds = *rc::gen::inRange(1, 12);
    for (int round = 0; round < rounds; ++round) {
      Snapshot next;
      List names;
      for (const char* name : {"a", "b", "c", "d"})
        if (*rc::gen::arbitrary<bool>()) names.emplace_back(name);
      for (const std::string& name : names) next.cluster(name, *rc::gen::inRange(1, 5));
      for (const char* name : {"r", "s"}) {
        if (*rc::gen::inRange(0, 4) == 0) continue;
        List clusters;
        for (const std::string& cluster : names)
          if (*rc::gen::arbitrary<bool>()) clusters.push_back(cluster);
        next.route(name, *rc::gen::inRange(1, 5), clusters);
      }
      last = next.set;
      proxy.take(proxy.session.on_snapshot(last));
      int steps = *rc::gen::inRange(0, 8);
      for (int i = 0; i < steps; ++i) proxy.step();
      if (*rc::gen::inRange(0, 6) == 0) {  // the stream breaks; what is on the way is lost
        std::map<T, std::map<std::string, std::string>> initial;
        for (const auto& [type, all] : proxy.has)
          for (const auto& [name, resource] : all) initial[type][name] = resource->version;
        proxy.inbox.clear();
        proxy.session = DeltaSession();
        if (*rc::gen::arbitrary<bool>()) proxy.take(proxy.session.on_snapshot(last));
        proxy.connect(initial);
        // Endpoints and route tables that it waits for without having any.
        List clusters, tables;
        for (const auto& [name, resource] : proxy.has[T::kCluster])
          if (!proxy.has[T::kEndpoints].contains(name)) clusters.push_back(name);
        for (const auto& [name, resource] : proxy.has[T::kListener])
          if (!proxy.has[T::kRoute].contains(name.substr(2))) tables.push_back(name.substr(2));
        proxy.subscribe(T::kEndpoints, clusters, {});
        proxy.subscribe(T::kRoute, tables, {});
        proxy.take(proxy.session.on_snapshot(last));
      }
    }
    proxy.settle();
    RC_ASSERT(proxy.session.settled());
    if (!refuse) RC_ASSERT(proxy.violation == "");
    for (T type : kResourceTypes) {
      for (const auto& [name, resource] : last->of(type)) {
        if (proxy.poison.contains(resource->version)) continue;
        // Children of refused parents are not subscribed.
        T parent = type == T::kEndpoints ? T::kCluster : T::kListener;
        bool child = type == T::kEndpoints || type == T::kRoute;
        if (child && !proxy.has[parent].contains(type == T::kRoute ? "l-" + name : name)) continue;
        RC_ASSERT(proxy.has[type].contains(name));
        RC_ASSERT(proxy.has[type][name]->version == resource->version);
      }
      if (!refuse) RC_ASSERT(proxy.has[type].size() == last->of(type).size());
    }
  }));
}

}  // namespace
}  // namespace serin::mesh
