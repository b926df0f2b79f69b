#include "apiserver/auth/audit/recorder.h"

#include <algorithm>

#include "apiserver/auth/reviews.h"
#include "base/strings.h"
#include "base/time.h"
#include "base/utf8.h"

namespace serin::apiserver::audit {
namespace {

constexpr const char* kIdHeader = "Audit-Id";
constexpr size_t kMaxIdLength = 64;

bool is_proper_id(std::string_view id) {
  return !id.empty() && id.size() <= kMaxIdLength && std::all_of(id.begin(), id.end(), [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '_'; });
}

json::object object_reference(const AccessRequest& access, const std::string& made) {
  json::object out;
  auto put = [&](const char* member, const std::string& value) {
    if (!value.empty()) out[member] = value;
  };
  put("resource", access.resource);
  put("namespace", access.ns);
  put("name", access.name.empty() ? made : access.name);
  put("apiGroup", access.group);
  put("apiVersion", access.version);
  put("subresource", access.subresource);
  return out;
}

}  // namespace

class Recorder::Responder final : public net::Responder {
 public:
  Responder(std::shared_ptr<const Recorder> recorder, std::unique_ptr<net::Responder> inner, RecordPtr record)
      : recorder_(std::move(recorder)), inner_(std::move(inner)), record_(std::move(record)) {}

  void send(net::Response response) override {
    response.headers.set(kIdHeader, record_->id);
    recorder_->write(*record_, "ResponseComplete", response.status);
    inner_->send(std::move(response));
  }

  std::shared_ptr<net::BodyStream> stream(net::Response response) override {
    response.headers.set(kIdHeader, record_->id);
    int status = response.status;
    recorder_->write(*record_, "ResponseStarted", status);
    std::shared_ptr<net::BodyStream> body = inner_->stream(std::move(response));
    if (!body || !recorder_->log_) return body;
    // Whoever fills the stream drops it when it ends.
    net::BodyStream* plain = body.get();
    return std::shared_ptr<net::BodyStream>(plain, [body = std::move(body), recorder = recorder_, record = record_, status](net::BodyStream*) {
      recorder->write(*record, "ResponseComplete", status);
    });
  }

 private:
  std::shared_ptr<const Recorder> recorder_;
  std::unique_ptr<net::Responder> inner_;
  RecordPtr record_;
};

RecordPtr Recorder::begin(const net::Request& request) const {
  auto record = std::make_shared<Record>();
  std::string_view id = request.headers.get(kIdHeader);
  record->id = is_proper_id(id) ? std::string(id) : random_.uuid();
  if (!log_) return record;
  record->received = clock_.now();
  record->uri = to_utf8(request.query.empty() ? request.path : concat(request.path, '?', request.query));
  record->user_agent = to_utf8(request.headers.get("User-Agent"));
  record->source = request.peer.address.substr(0, request.peer.address.rfind(':'));
  record->verb = lower(request.method);
  return record;
}

std::unique_ptr<net::Responder> Recorder::attach(std::unique_ptr<net::Responder> responder, RecordPtr record) const {
  return std::make_unique<Responder>(shared_from_this(), std::move(responder), std::move(record));
}

bool Recorder::wants_body(const AccessRequest& access) const {
  return log_ && access.path.empty() && !is_secret(access) && policy_.judge(access).level == Level::kRequest;
}

void Recorder::write(const Record& record, std::string_view stage, int code) const {
  if (!log_) return;
  AccessRequest nobody;
  nobody.user = record.real ? record.real : std::make_shared<const User>();
  nobody.verb = record.verb;
  nobody.path = record.uri;
  const AccessRequest& access = record.access ? *record.access : nobody;
  Policy::Verdict verdict = policy_.judge(access);
  if (verdict.level == Level::kNone || !(stage == "ResponseStarted" ? verdict.started : verdict.complete)) return;
  json::object event{{"kind", "Event"}, {"apiVersion", "audit.k8s.io/v1"}, {"level", level_name(verdict.level)}, {"auditID", record.id},
                     {"stage", stage}, {"requestURI", record.uri}, {"verb", access.verb},
                     {"user", user_info(record.real ? *record.real : *access.user)}};
  if (record.real && record.access && record.real != access.user) event["impersonatedUser"] = user_info(*access.user);
  event["sourceIPs"] = json::array{json::value(record.source)};
  if (!record.user_agent.empty()) event["userAgent"] = record.user_agent;
  if (access.path.empty()) event["objectRef"] = object_reference(access, record.name);
  event["responseStatus"] = json::object{{"metadata", json::object()}, {"code", code}};
  if (verdict.level == Level::kRequest && !record.body.is_null()) event["requestObject"] = record.body;
  event["requestReceivedTimestamp"] = format_micro_time(record.received);
  event["stageTimestamp"] = format_micro_time(clock_.now());
  json::object annotations;
  if (!access.cluster.empty()) annotations["serin.io/cluster"] = access.cluster;
  if (record.decision) {
    annotations["authorization.k8s.io/decision"] = record.decision->allowed ? "allow" : "forbid";
    annotations["authorization.k8s.io/reason"] = record.decision->reason;
  }
  if (!annotations.empty()) event["annotations"] = std::move(annotations);
  log_->write(json::dump(event));
}

}  // namespace serin::apiserver::audit
