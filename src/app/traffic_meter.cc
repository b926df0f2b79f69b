#include "app/traffic_meter.h"

#include <cmath>

#include "base/strings.h"
#include "base/time.h"
#include "net/http_client.h"

namespace serin::app {
namespace {

constexpr size_t kErrorsKept = 10;

}  // namespace

double TrafficCount::share(const std::string& version) const {
  auto found = by_version.find(version);
  return answered == 0 || found == by_version.end() ? 0 : double(found->second) / double(answered);
}

TrafficCount& TrafficCount::operator+=(const TrafficCount& other) {
  sent += other.sent;
  answered += other.answered;
  failed += other.failed;
  for (const auto& [version, count] : other.by_version) by_version[version] += count;
  for (const std::string& error : other.errors)
    if (errors.size() < kErrorsKept) errors.push_back(error);
  return *this;
}

bool within_four_sigma(double measured, double expected, int64_t count) {
  if (count == 0) return false;
  double sigma = std::sqrt(expected * (1 - expected) / double(count));
  return std::abs(measured - expected) <= 4 * sigma;
}

Result<std::unique_ptr<TrafficMeter>> TrafficMeter::start(TrafficOptions options, Classifier classify, Clock& clock) {
  if (!options.host.starts_with("127."))
    return fail(Code::kInvalid, concat(options.host, " is not a loopback address: load goes to this machine only"));
  std::unique_ptr<TrafficMeter> meter(new TrafficMeter(std::move(options), std::move(classify), clock));
  for (int lane = 0; lane < meter->options_.connections; ++lane)
    meter->lanes_.emplace_back([raw = meter.get(), lane] { raw->send_until_stopped(lane); });
  return meter;
}

TrafficMeter::TrafficMeter(TrafficOptions options, Classifier classify, Clock& clock)
    : options_(std::move(options)), classify_(std::move(classify)), clock_(clock), begin_(clock.now()) {}

TrafficMeter::~TrafficMeter() { stop(); }

void TrafficMeter::send_until_stopped(int lane) {
  net::ClientOptions connection;
  connection.host = options_.host;
  connection.port = options_.port;
  connection.tls = false;
  connection.max_idle = 1;
  connection.retry_stale = false;
  auto client = net::HttpClient::create(connection);
  auto [path, query] = serin::cut(options_.path, '?').value_or(std::pair{std::string_view(options_.path), std::string_view()});
  net::Request request{"GET", std::string(path), std::string(query), {}, "", {}};
  for (const auto& [name, value] : options_.headers) request.headers.add(name, value);

  Duration interval = Duration(std::chrono::seconds(1)) / options_.requests_per_second;
  for (int64_t number = lane;; number += options_.connections) {
    {
      std::unique_lock lock(mutex_);
      if (clock_.wait_until(lock, wake_, begin_ + interval * number, [&] { return stopping_; })) return;
      ++window_.sent;
    }
    Result<net::Response> answer = client ? (*client)->send(request, options_.timeout)
                                          : Result<net::Response>(fail(client.error()));
    bool good = answer && answer->status / 100 == 2;
    std::string version = good ? classify_(answer->body) : "";
    std::lock_guard lock(mutex_);
    if (good) {
      ++window_.answered;
      ++window_.by_version[version];
    } else {
      ++window_.failed;
      if (window_.errors.size() < kErrorsKept)
        window_.errors.push_back(concat(format_micro_time(clock_.now()), " ",
                                        answer ? concat("HTTP ", answer->status, " ", answer->body.substr(0, 200))
                                               : answer.error().message));
    }
  }
}

TrafficCount TrafficMeter::cut() {
  std::lock_guard lock(mutex_);
  TrafficCount out = window_;
  total_ += window_;
  window_ = TrafficCount();
  return out;
}

TrafficCount TrafficMeter::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& lane : lanes_)
    if (lane.joinable()) lane.join();
  std::lock_guard lock(mutex_);
  total_ += window_;
  window_ = TrafficCount();
  return total_;
}

}  // namespace serin::app
