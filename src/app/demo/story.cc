#include "app/demo/story.h"

#include <cstdio>

#include "app/applications.h"
#include "app/output.h"
#include "app/traffic_meter.h"
#include "base/strings.h"
#include "base/time.h"
#include "client/write.h"
#include "kube/resources.h"
#include "rollout/rollout_reconciler.h"
#include "rollout/verbs.h"

namespace serin::app {
namespace {

constexpr Duration kPoll = std::chrono::milliseconds(50);
constexpr Duration kPatience = std::chrono::seconds(120);
constexpr uint16_t kGatewayPort = 9090;  // of the examples' Gateway
constexpr const char* kCluster = "work-1";

std::string percent(double share) {
  char text[16];
  std::snprintf(text, sizeof text, "%.1f %%", share * 100);
  return text;
}

/// Which versions answered, "v1" or "consumer v2, provider v1" where they differ.
std::string versions_of(const std::string& body) {
  Result<json::value> answer = json::parse(body);
  if (!answer) return "unreadable";
  std::string_view consumer = json::get_string(*answer, "consumer", "version");
  std::string_view provider = json::get_string(*answer, "provider", "version");
  return concat(consumer, "/", provider);
}

class Story {
 public:
  Story(System& system, const StoryOptions& options, Clock& clock, std::ostream& out)
      : system_(system), options_(options), clock_(clock), out_(out), colour_(colours_wanted()) {}

  Result<bool> tell() {
    hub_ = SERIN_TRY(system_.cluster("hub"));
    mesh_ = SERIN_TRY(system_.cluster("mesh"));
    work_ = SERIN_TRY(system_.cluster(kCluster));
    for (const GatewayAddress& gateway : system_.gateways())
      if (gateway.cluster == kCluster) gateway_ = gateway.address;
    SERIN_TRY(tell_weights());
    SERIN_TRY(tell_headers());
    out_ << '\n' << (good_ ? paint("All as it should be.", Colour::kGreen, colour_)
                           : paint("Not all was as it should be; see above.", Colour::kRed, colour_)) << std::endl;
    return good_;
  }

 private:
  void chapter(const std::string& title) { out_ << '\n' << paint(title, Colour::kBold, colour_) << std::endl; }
  void say(const std::string& line) { out_ << "  " << line << std::endl; }
  void check(bool good, const std::string& line) {
    good_ &= good;
    out_ << "  " << (good ? paint("ok  ", Colour::kGreen, colour_) : paint("BAD ", Colour::kRed, colour_)) << line << std::endl;
  }

  template <class Ready>
  Result<void> wait(const std::string& what, const Ready& ready) {
    TimePoint deadline = clock_.now() + kPatience + options_.step_pause;
    while (clock_.now() < deadline) {
      if (SERIN_TRY(ready())) return {};
      clock_.sleep(kPoll);
    }
    return fail(Code::kTimeout, concat("waited in vain until ", what));
  }

  Result<kube::Object> rollout(const std::string& name) { return work_->get(kube::kRollouts, {ns_, name}); }

  Result<void> wait_phase(const std::string& name, const std::string& phase) {
    return wait(concat(name, " is ", phase), [&]() -> Result<bool> {
      kube::Object object = SERIN_TRY(rollout(name));
      bool observed = json::get_string(object.doc(), "status", "observedGeneration") ==
                      std::to_string(object.generation());
      return observed && json::get_string(object.doc(), "status", "phase") == phase;
    });
  }

  /// Waits until the release pauses at step `index` with its weight confirmed by every proxy.
  Result<void> wait_pause(const std::string& name, int64_t index) {
    return wait(concat(name, " pauses at step ", index), [&]() -> Result<bool> {
      kube::Object object = SERIN_TRY(rollout(name));
      bool paused = !json::items(object.doc(), "status", "pauseConditions").empty();
      return paused && json::get_int(object.doc(), -1, "status", "currentStepIndex") == index;
    });
  }

  Result<void> sync(const std::string& app, const std::string& path) {
    SERIN_TRY(hub_->create(kube::kApplications,
                           make_application({app, options_.repository, path, "main", kCluster, ns_, false, false, true})));
    say(concat("application ", app, ": ", options_.repository, " folder ", path, " -> ", kCluster, " namespace ", ns_));
    SERIN_TRY(request_sync(*hub_, app, false, false));
    kube::Object done = SERIN_TRY(wait_operation(*hub_, app, kPatience, clock_));
    check(json::get_string(done.doc(), "status", "operationState", "phase") == "Succeeded",
          concat("sync: ", json::get_string(done.doc(), "status", "operationState", "message")));
    for (const char* name : {"consumer", "provider"}) SERIN_TRY(wait_phase(name, "Healthy"));
    say("both services are healthy");
    return {};
  }

  Result<void> show_hosted() {
    say("the hosted mesh now has:");
    for (const client::Resource& resource : {kube::kVirtualServices, kube::kDestinationRules, kube::kGateways})
      for (const kube::Object& object : SERIN_TRY(mesh_->list(resource, {.ns = ns_})).items)
        say(concat("  ", object.describe(), "  from ", object.label("mspider.io/origin-cluster")));
    return {};
  }

  Result<void> start_traffic(const std::string& path) {
    TrafficOptions traffic;
    traffic.host = gateway_;
    traffic.port = kGatewayPort;
    traffic.path = path;
    traffic.requests_per_second = options_.requests_per_second;
    // The first answer may have to wait for the proxies to learn of the new routes.
    SERIN_TRY(wait("the gateway answers", [&]() -> Result<bool> {
      TrafficOptions probe = traffic;
      probe.requests_per_second = 20;
      probe.connections = 1;
      auto meter = SERIN_TRY(TrafficMeter::start(probe, versions_of, clock_));
      clock_.sleep(std::chrono::milliseconds(200));
      TrafficCount count = meter->stop();
      return count.answered > 0 && count.failed == 0;
    }));
    say(concat("curl 'http://", gateway_, ":", kGatewayPort, path, "' answers; ", options_.requests_per_second,
               " requests a second from here on, none ever retried"));
    meter_ = SERIN_TRY(TrafficMeter::start(traffic, versions_of, clock_));
    return {};
  }

  /// Measures for a while and compares the share of `version` with what the weight says.
  void measure(const std::string& title, const std::string& version, double expected, Duration span) {
    meter_->cut();
    clock_.sleep(span);
    TrafficCount count = meter_->cut();
    double share = count.share(version);
    bool fair = expected <= 0 || expected >= 1 ? share == expected : within_four_sigma(share, expected, count.answered);
    std::string split;
    for (const auto& [name, number] : count.by_version) split += concat("  ", name, ": ", number);
    check(fair && count.failed == 0, concat(title, ": measured ", percent(share), " of ", count.answered,
                                            " requests (consumer/provider", split, ")"));
  }

  void finish_traffic() {
    TrafficCount total = meter_->stop();
    check(total.failed == 0, concat(total.sent, " requests sent, ", total.answered, " answered, ", total.failed, " lost"));
    for (const std::string& error : total.errors) say(concat("    ", error));
    meter_.reset();
  }

  Result<void> release(const std::string& name) {
    say(concat("kubectl --context ", kCluster, " -n ", ns_, " edit rollout ", name, "    # version: v1 -> v2"));
    json::value body = json::parse(R"({"spec":{"template":{"metadata":{"labels":{"version":"v2"}}}}})").value();
    SERIN_TRY(client::execute(*work_, client::merge_patch(kube::kRollouts, {ns_, name}, std::move(body), "version v2")));
    return {};
  }

  Result<void> promote(const std::string& name) {
    say(concat("serin release promote ", name, " -n ", ns_));
    rollout::Observed observed = SERIN_TRY(rollout::observe(*work_, {ns_, name}));
    return client::execute(*work_, SERIN_TRY(rollout::promote(observed.rollout)));
  }

  /// Long enough to judge a split, within the pause.
  Duration sample() const { return std::max<Duration>(options_.step_pause * 8 / 10, std::chrono::seconds(1)); }

  Result<void> old_pods_gone(const std::string& name) {
    return wait(concat("the old pods of ", name, " are gone"), [&]() -> Result<bool> {
      kube::Object object = SERIN_TRY(rollout(name));
      std::string hash(json::get_string(object.doc(), "status", "stableRS"));
      auto pods = SERIN_TRY(work_->list(kube::kPods, {.ns = ns_, .label_selector = concat("app=", name)}));
      for (const kube::Object& pod : pods.items)
        if (pod.label("rollouts-pod-template-hash") != hash) return false;
      return !pods.items.empty();
    });
  }

  Result<void> tell_weights() {
    ns_ = "demo";
    chapter("1. A release by weight");
    SERIN_TRY(sync("demo", "canary"));
    SERIN_TRY(show_hosted());
    SERIN_TRY(start_traffic("/hello?name=test-v1"));
    measure("before the release, v2 should get 0 %", "v1/v2", 0, std::chrono::seconds(1));
    SERIN_TRY(release("provider"));
    SERIN_TRY(wait_pause("provider", 1));
    measure("step 1, 5 % confirmed by every proxy", "v1/v2", 0.05, sample());
    SERIN_TRY(wait_pause("provider", 3));
    measure("step 2, 50 % confirmed by every proxy", "v1/v2", 0.5, sample());
    SERIN_TRY(wait_phase("provider", "Healthy"));
    measure("released", "v1/v2", 1, std::chrono::seconds(1));
    say("waiting until the last old pod is gone (scaleDownDelaySeconds: 30)");
    SERIN_TRY(old_pods_gone("provider"));
    measure("old pods gone", "v1/v2", 1, std::chrono::seconds(1));
    finish_traffic();
    return delete_application(*hub_, "demo", true, kPatience, clock_);
  }

  Result<void> tell_headers() {
    ns_ = "demo-header";
    chapter("2. A release by header: lane test-v2");
    SERIN_TRY(sync("demo-header", "header"));
    SERIN_TRY(show_hosted());
    SERIN_TRY(start_traffic("/hello?name=lane"));
    measure("before the release", "v1/v1", 1, std::chrono::seconds(1));
    SERIN_TRY(release("provider"));
    SERIN_TRY(wait_pause("provider", 2));
    measure("provider v2 runs, but only requests with `lane: test-v2` may reach it", "v1/v1", 1, std::chrono::seconds(1));
    SERIN_TRY(release("consumer"));
    SERIN_TRY(wait_pause("consumer", 1));
    SERIN_TRY(promote("consumer"));
    SERIN_TRY(wait_pause("consumer", 3));
    measure("20 % through consumer v2, which stay in their lane", "v2/v2", 0.2, sample());
    SERIN_TRY(wait_pause("consumer", 5));
    measure("50 %", "v2/v2", 0.5, sample());
    SERIN_TRY(wait_pause("consumer", 7));
    measure("100 %", "v2/v2", 1, std::chrono::seconds(1));
    SERIN_TRY(promote("provider"));
    SERIN_TRY(wait_phase("provider", "Healthy"));
    SERIN_TRY(promote("consumer"));
    SERIN_TRY(wait_phase("consumer", "Healthy"));
    measure("both released", "v2/v2", 1, std::chrono::seconds(1));
    finish_traffic();
    return {};
  }

  System& system_;
  const StoryOptions& options_;
  Clock& clock_;
  std::ostream& out_;
  const bool colour_;
  bool good_ = true;
  std::string ns_, gateway_;
  client::Client* hub_ = nullptr;
  client::Client* mesh_ = nullptr;
  client::Client* work_ = nullptr;
  std::unique_ptr<TrafficMeter> meter_;
};

}  // namespace

Result<bool> tell_story(System& system, const StoryOptions& options, Clock& clock, std::ostream& out) {
  return Story(system, options, clock, out).tell();
}

}  // namespace serin::app
