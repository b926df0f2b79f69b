#include "apiserver/http/metrics.h"

#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "base/strings.h"

namespace serin::apiserver {
namespace {

std::string labels_text(const RequestLabels& l) {
  return concat("group=\"", l.group, "\",resource=\"", l.resource, "\",scope=\"", l.scope, "\",subresource=\"", l.subresource,
                "\",verb=\"", l.verb, "\",version=\"", l.version, '"');
}

std::string decimal(double number) {
  char text[40];
  std::snprintf(text, sizeof text, "%.9g", number);
  return text;
}

void head(std::string& out, std::string_view name, std::string_view type, std::string_view help) {
  out += concat("# HELP ", name, ' ', help, "\n# TYPE ", name, ' ', type, '\n');
}

/// Resident bytes of this process, 0 where the kernel does not say.
uint64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  uint64_t pages = 0, resident = 0;
  statm >> pages >> resident;
  return resident * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

/// Counts a stream as open while it lives.
class Metrics::CountingStream final : public net::BodyStream {
 public:
  CountingStream(std::shared_ptr<Metrics> metrics, RequestLabels labels, std::shared_ptr<net::BodyStream> inner)
      : metrics_(std::move(metrics)), labels_(std::move(labels)), inner_(std::move(inner)) {
    metrics_->opened(labels_, 1);
  }
  ~CountingStream() override { metrics_->opened(labels_, -1); }
  bool write(net::SharedBytes bytes) override { return inner_->write(std::move(bytes)); }
  size_t pending() const override { return inner_->pending(); }
  void on_drained(std::function<void()> callback) override { inner_->on_drained(std::move(callback)); }
  void on_closed(std::function<void()> callback) override { inner_->on_closed(std::move(callback)); }
  void finish() override { inner_->finish(); }
  void abort() override { inner_->abort(); }

 private:
  std::shared_ptr<Metrics> metrics_;
  RequestLabels labels_;
  std::shared_ptr<net::BodyStream> inner_;
};

class Metrics::CountingResponder final : public net::Responder {
 public:
  CountingResponder(std::shared_ptr<Metrics> metrics, RequestLabels labels, std::unique_ptr<net::Responder> inner)
      : metrics_(std::move(metrics)), labels_(std::move(labels)), inner_(std::move(inner)), began_(metrics_->clock_.now()) {}
  void send(net::Response response) override {
    metrics_->answered(labels_, response.status, began_);
    inner_->send(std::move(response));
  }
  std::shared_ptr<net::BodyStream> stream(net::Response response) override {
    metrics_->answered(labels_, response.status, began_);
    return std::make_shared<CountingStream>(metrics_, labels_, inner_->stream(std::move(response)));
  }

 private:
  std::shared_ptr<Metrics> metrics_;
  RequestLabels labels_;
  std::unique_ptr<net::Responder> inner_;
  TimePoint began_;
};

std::unique_ptr<net::Responder> Metrics::watch(std::unique_ptr<net::Responder> responder, RequestLabels labels) {
  return std::make_unique<CountingResponder>(shared_from_this(), std::move(labels), std::move(responder));
}

void Metrics::answered(const RequestLabels& labels, int code, TimePoint since) {
  double seconds = std::chrono::duration<double>(clock_.now() - since).count();
  size_t bucket = 0;
  while (bucket < kBounds.size() && seconds > kBounds[bucket]) ++bucket;
  std::lock_guard lock(mutex_);
  ++totals_[{labels, code}];
  Durations& durations = durations_[labels];
  ++durations.buckets[bucket];
  durations.sum += seconds;
  ++durations.count;
}

void Metrics::opened(const RequestLabels& labels, int change) {
  std::lock_guard lock(mutex_);
  streams_[labels] += change;
}

std::string Metrics::text(const ServerGauges& gauges) const {
  std::string out;
  std::lock_guard lock(mutex_);
  head(out, "apiserver_request_total", "counter", "Requests answered, by what they asked and the status code.");
  for (const auto& [key, count] : totals_)
    out += concat("apiserver_request_total{code=\"", key.second, "\",", labels_text(key.first), "} ", count, '\n');
  constexpr std::string_view kDuration = "apiserver_request_duration_seconds";
  head(out, kDuration, "histogram", "Time to the answer, or to the head of a stream.");
  for (const auto& [labels, durations] : durations_) {
    std::string what = labels_text(labels);
    uint64_t below = 0;
    for (size_t i = 0; i <= kBounds.size(); ++i) {
      below += durations.buckets[i];
      out += concat(kDuration, "_bucket{", what, ",le=\"", i < kBounds.size() ? decimal(kBounds[i]) : "+Inf", "\"} ", below, '\n');
    }
    out += concat(kDuration, "_sum{", what, "} ", decimal(durations.sum), '\n', kDuration, "_count{", what, "} ", durations.count, '\n');
  }
  head(out, "apiserver_longrunning_requests", "gauge", "Watches, logs and other streams that are open.");
  for (const auto& [labels, open] : streams_) out += concat("apiserver_longrunning_requests{", labels_text(labels), "} ", open, '\n');
  head(out, "serin_store_revision", "gauge", "The revision of the latest write.");
  out += concat("serin_store_revision ", gauges.store_revision, '\n');
  head(out, "serin_store_healthy", "gauge", "1 while writes are accepted.");
  out += concat("serin_store_healthy ", gauges.storage_healthy ? 1 : 0, '\n');
  head(out, "process_resident_memory_bytes", "gauge", "Resident memory size in bytes.");
  out += concat("process_resident_memory_bytes ", resident_bytes(), '\n');
  return out;
}

}  // namespace serin::apiserver
