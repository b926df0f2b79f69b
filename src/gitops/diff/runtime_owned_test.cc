#include "gitops/diff/runtime_owned.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "base/strings.h"
#include "data/yaml.h"

namespace serin::gitops::diff {
namespace {

kube::Object object(std::string_view text) { return kube::Object(yaml::parse(text).value()); }
std::string spec(const kube::Object& object) { return json::dump(*json::find(object.doc(), "spec")); }

const kube::Object kSubsets = object(R"(
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: provider, namespace: demo}
spec:
  strategy:
    canary:
      trafficRouting:
        managedRoutes: [{name: header}]
        istio:
          virtualService: {name: provider, routes: [main]}
          destinationRule: {name: provider, stableSubsetName: stable, canarySubsetName: canary}
)");

const kube::Object kHosts = object(R"(
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: web, namespace: demo}
spec:
  strategy:
    canary:
      canaryService: web-canary
      stableService: web-stable
      trafficRouting:
        istio:
          virtualServices: [{name: web.other}]
)");

kube::Object virtual_service(std::string_view http) {
  return object(concat("apiVersion: networking.istio.io/v1beta1\nkind: VirtualService\nmetadata: {name: provider, namespace: demo}\n"
                       "spec: {http: ", http, "}\n"));
}

TEST(RuntimeOwned, IsReadFromRollouts) {
  RuntimeOwned owned = ownership({kSubsets, kHosts});
  EXPECT_EQ(owned.virtual_services.size(), 2u);
  const OwnedRoutes& provider = owned.virtual_services.at({"demo", "provider"}).at(0);
  EXPECT_EQ(provider.routes, std::set<std::string>{"main"});
  EXPECT_EQ(provider.subsets, (std::set<std::string>{"canary", "stable"}));
  EXPECT_EQ(provider.managed_routes, std::set<std::string>{"header"});
  EXPECT_TRUE(owned.virtual_services.contains({"other", "web"}));
  EXPECT_EQ(owned.services, (std::set<kube::NamespacedName>{{"demo", "web-canary"}, {"demo", "web-stable"}}));
  EXPECT_TRUE(ownership({object("{apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: {name: x}, spec: {strategy: {blueGreen: {}}}}")}).empty());
}

TEST(RuntimeOwned, VirtualServiceKeepsWhatTheRolloutSet) {
  RuntimeOwned owned = ownership({kSubsets});
  struct Case {
    const char *name, *git, *live, *want;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"weights by destination, whatever their order",
            "[{name: main, route: [{destination: {host: p, subset: stable}, weight: 100}, {destination: {host: p, subset: canary}, weight: 0}]}]",
            "[{name: main, route: [{destination: {host: p, subset: canary}, weight: 5}, {destination: {host: p, subset: stable}, weight: 95}]}]",
            R"({"http":[{"name":"main","route":[{"destination":{"host":"p","subset":"stable"},"weight":95},{"destination":{"host":"p","subset":"canary"},"weight":5}]}]})"},
           {"everything else of the route follows Git",
            "[{name: main, timeout: 2s, retries: {attempts: 1}, route: [{destination: {host: p, subset: canary}, weight: 0, headers: {a: b}}]}]",
            "[{name: main, timeout: 1s, route: [{destination: {host: p, subset: canary}, weight: 5}]}]",
            R"({"http":[{"name":"main","timeout":"2s","retries":{"attempts":1},"route":[{"destination":{"host":"p","subset":"canary"},"weight":5,"headers":{"a":"b"}}]}]})"},
           {"routes that no rollout names follow Git",
            "[{name: other, route: [{destination: {host: p, subset: canary}, weight: 1}]}]",
            "[{name: other, route: [{destination: {host: p, subset: canary}, weight: 5}]}]",
            R"({"http":[{"name":"other","route":[{"destination":{"host":"p","subset":"canary"},"weight":1}]}]})"},
           {"destinations that are neither stable nor canary follow Git",
            "[{name: main, route: [{destination: {host: q}, weight: 7}]}]", "[{name: main, route: [{destination: {host: q}, weight: 9}]}]",
            R"({"http":[{"name":"main","route":[{"destination":{"host":"q"},"weight":7}]}]})"},
           {"ports tell destinations apart",
            "[{name: main, route: [{destination: {host: p, subset: canary, port: {number: 1}}, weight: 0}, {destination: {host: p, subset: canary, port: {number: 2}}, weight: 0}]}]",
            "[{name: main, route: [{destination: {host: p, subset: canary, port: {number: 2}}, weight: 3}]}]",
            R"({"http":[{"name":"main","route":[{"destination":{"host":"p","subset":"canary","port":{"number":1}},"weight":0},{"destination":{"host":"p","subset":"canary","port":{"number":2}},"weight":3}]}]})"},
           {"managed routes stay, in front",
            "[{name: main, route: []}, {name: new}]",
            "[{name: header, match: [{headers: {lane: {exact: v2}}}]}, {name: main, route: []}, {name: gone}]",
            R"({"http":[{"name":"header","match":[{"headers":{"lane":{"exact":"v2"}}}]},{"name":"main","route":[]},{"name":"new"}]})"},
           {"a managed route that was removed stays removed", "[{name: header}, {name: main}]", "[{name: main}]",
            R"({"http":[{"name":"main"}]})"},
           {"a weight that live lacks is left out", "[{name: main, route: [{destination: {host: p, subset: stable}, weight: 100}]}]",
            "[{name: main, route: [{destination: {host: p, subset: stable}}]}]",
            R"({"http":[{"name":"main","route":[{"destination":{"host":"p","subset":"stable"}}]}]})"},
       })
    EXPECT_EQ(spec(merge_runtime_owned(virtual_service(c.git), virtual_service(c.live), owned)), c.want) << c.name;
}

TEST(RuntimeOwned, UnnamedRoutesMeetByPosition) {
  RuntimeOwned owned = ownership({kHosts});
  auto web = [](std::string_view http) {
    return object(concat("apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: web, namespace: other}\nspec: {http: ", http, "}\n"));
  };
  EXPECT_EQ(spec(merge_runtime_owned(web("[{route: [{destination: {host: x}, weight: 1}]}, {route: [{destination: {host: web-canary.demo.svc.cluster.local}, weight: 0}]}]"),
                                     web("[{route: [{destination: {host: x}, weight: 2}]}, {route: [{destination: {host: web-canary.demo.svc.cluster.local}, weight: 20}]}]"), owned)),
            R"({"http":[{"route":[{"destination":{"host":"x"},"weight":1}]},{"route":[{"destination":{"host":"web-canary.demo.svc.cluster.local"},"weight":20}]}]})");
}

TEST(RuntimeOwned, HashesStay) {
  RuntimeOwned owned = ownership({kSubsets, kHosts});
  auto rule = [](std::string_view subsets) {
    return object(concat("apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: provider, namespace: demo}\nspec: {subsets: ", subsets, "}\n"));
  };
  EXPECT_EQ(spec(merge_runtime_owned(rule("[{name: stable, labels: {app: p}}, {name: canary}, {name: mine, labels: {a: b}}]"),
                                     rule("[{name: canary, labels: {rollouts-pod-template-hash: c}}, {name: stable, labels: {app: q, rollouts-pod-template-hash: s}},"
                                          " {name: mine, labels: {rollouts-pod-template-hash: x}}]"), owned)),
            R"({"subsets":[{"name":"stable","labels":{"app":"p","rollouts-pod-template-hash":"s"}},{"name":"canary","labels":{"rollouts-pod-template-hash":"c"}},{"name":"mine","labels":{"a":"b"}}]})");
  auto service = [](std::string_view name, std::string_view selector) {
    return object(concat("apiVersion: v1\nkind: Service\nmetadata: {name: ", name, ", namespace: demo}\nspec: {selector: ", selector, "}\n"));
  };
  EXPECT_EQ(spec(merge_runtime_owned(service("web-stable", "{app: w}"), service("web-stable", "{app: old, rollouts-pod-template-hash: h}"), owned)),
            R"({"selector":{"app":"w","rollouts-pod-template-hash":"h"}})");
  EXPECT_EQ(spec(merge_runtime_owned(service("else", "{app: w}"), service("else", "{app: w, rollouts-pod-template-hash: h}"), owned)),
            R"({"selector":{"app":"w"}})");
}

TEST(RuntimeOwned, NothingIsOwnedInWhatIsNotThereYet) {
  kube::Object git = virtual_service("[{name: header}, {name: main}]");
  EXPECT_EQ(merge_runtime_owned(git, {}, ownership({kSubsets})), git);
}

TEST(RuntimeOwned, MergingTwiceChangesNothing) {
  RuntimeOwned owned = ownership({kSubsets});
  EXPECT_TRUE(rc::check([&] {
    auto draw = [] {
      json::array routes;
      for (int i = *rc::gen::inRange(0, 4); i > 0; --i) {
        json::array destinations;
        for (int j = *rc::gen::inRange(0, 3); j > 0; --j)
          destinations.push_back(json::object{{"destination", {{"host", "p"}, {"subset", *rc::gen::element<std::string>("stable", "canary", "x")}}},
                                              {"weight", *rc::gen::inRange(0, 101)}});
        routes.push_back(json::object{{"name", *rc::gen::element<std::string>("main", "header", "other", "")}, {"route", std::move(destinations)}});
      }
      return virtual_service("[]").edit([&](json::value& doc) { json::set(doc, {"spec", "http"}, std::move(routes)); });
    };
    kube::Object git = draw(), live = draw();
    kube::Object once = merge_runtime_owned(git, live, owned);
    RC_ASSERT(merge_runtime_owned(once, live, owned) == once);
    // What was applied is live now: the next sync applies the same.
    RC_ASSERT(merge_runtime_owned(git, once, owned) == once);
  }));
}

TEST(RuntimeOwned, RemovingARouteUnderACanaryIsRefused) {
  RuntimeOwned owned = ownership({kSubsets});
  const char* running = "[{name: main, route: [{destination: {host: p, subset: stable}, weight: 95}, {destination: {host: p, subset: canary}, weight: 5}]}]";
  const char* idle = "[{name: main, route: [{destination: {host: p, subset: stable}, weight: 100}, {destination: {host: p, subset: canary}, weight: 0}]}]";
  EXPECT_NE(breaks_rollout(virtual_service("[{name: other}]"), virtual_service(running), owned), "");
  EXPECT_NE(breaks_rollout({}, virtual_service(running), owned), "");
  EXPECT_EQ(breaks_rollout(virtual_service("[{name: other}]"), virtual_service(idle), owned), "");
  EXPECT_EQ(breaks_rollout(virtual_service("[{name: main}]"), virtual_service(running), owned), "");
}

}  // namespace
}  // namespace serin::gitops::diff
