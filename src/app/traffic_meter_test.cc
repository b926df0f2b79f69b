#include "app/traffic_meter.h"

#include <gtest/gtest.h>

#include "net/http_server.h"

namespace serin::app {
namespace {

using namespace std::chrono_literals;

TEST(TrafficMeter, KnowsAFairSplitFromAnUnfairOne) {
  EXPECT_TRUE(within_four_sigma(0.055, 0.05, 800));
  EXPECT_FALSE(within_four_sigma(0.10, 0.05, 800));
  EXPECT_FALSE(within_four_sigma(0.05, 0.05, 0)) << "nothing measured proves nothing";
}

TEST(TrafficMeter, RefusesAnythingButLoopback) {
  SystemClock clock;
  TrafficOptions options;
  options.host = "10.0.0.1";
  EXPECT_TRUE(failed_with(TrafficMeter::start(options, [](const std::string&) { return ""; }, clock), Code::kInvalid));
}

TEST(TrafficMeter, CountsEveryRequestOnceAndRetriesNone) {
  std::atomic<int> served = 0;
  auto server = net::HttpServer::start({}, [&](net::Request, std::unique_ptr<net::Responder> responder) {
    net::Response answer;
    answer.status = ++served % 10 == 0 ? 503 : 200;
    answer.body = "v1";
    responder->send(std::move(answer));
  });
  ASSERT_TRUE(server) << server.error().message;
  SystemClock clock;
  TrafficOptions options;
  options.host = "127.0.0.1";
  options.port = (*server)->port();
  options.requests_per_second = 500;
  options.connections = 4;
  auto meter = TrafficMeter::start(options, [](const std::string& body) { return body; }, clock);
  ASSERT_TRUE(meter) << meter.error().message;
  while (served < 100) clock.sleep(5ms);
  TrafficCount total = (*meter)->stop();
  EXPECT_EQ(total.sent, served);
  EXPECT_EQ(total.failed, served / 10);
  EXPECT_EQ(total.answered + total.failed, total.sent);
  EXPECT_EQ(total.by_version["v1"], total.answered);
  EXPECT_FALSE(total.errors.empty());
}

}  // namespace
}  // namespace serin::app
