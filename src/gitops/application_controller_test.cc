#include "gitops/application_controller.h"

#include "client/simulation.h"
#include "gitops/testing/hub_fixture.h"

namespace serin::gitops {
namespace {

using namespace std::chrono_literals;

class ApplicationControllerTest : public testing::HubTest {};

TEST_F(ApplicationControllerTest, BringsAboutPassesAndComesToRest) {
  git_.write("app/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: '1'}\n");
  git_.commit();
  client::Manager manager(clock_);
  client::Controller& controller = add_application_controller(manager, hub(), *this, repositories_);
  follow_cluster(manager, controller, "work-1", work(), {kube::kConfigMaps, kube::kServices});
  client::Simulation simulation(clock_, 1);
  simulation.add(manager);
  application("  syncPolicy: {automated: {selfHeal: true}}\n");
  auto data = [&] {
    Result<kube::Object> map = work().get(kube::kConfigMaps, {"demo", "a"});
    return map ? std::string(json::get_string(map->doc(), "data", "k")) : "none";
  };
  EXPECT_TRUE(simulation.run_until([&] { return data() == "1" && status("sync", "status") == "Synced"; }, 10s));

  // A change in the cluster is seen at once, not at the next interval.
  TimePoint changed = clock_.now();
  merge(work(), kube::kConfigMaps, {"demo", "a"}, "data: {k: x}");
  EXPECT_TRUE(simulation.run_until([&] { return data() == "1"; }, 10s));
  EXPECT_LT(clock_.now() - changed, 1s);

  simulation.run_for(10s);
  auto revision = server_->revision();
  simulation.run_for(10min);
  EXPECT_EQ(server_->revision(), revision);
}

}  // namespace
}  // namespace serin::gitops
