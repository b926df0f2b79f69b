#pragma once

/// One request in the audit log: what is known of it is gathered while it is served, and written when it is answered.
/// Every response carries the request's `Audit-Id`, recorded or not.

#include <memory>
#include <optional>
#include <string>

#include "apiserver/auth/access.h"
#include "apiserver/auth/audit/log.h"
#include "apiserver/auth/audit/policy.h"
#include "base/clock.h"
#include "base/random.h"
#include "data/json.h"
#include "net/http_server.h"

namespace serin::apiserver::audit {

/// Filled in by whoever serves the request; read once it is answered. One thread at a time.
struct Record {
  std::string id;  ///< Audit-Id: the client's own where it sent a proper one
  TimePoint received;
  std::string uri, user_agent, source;
  std::string verb;
  std::optional<AccessRequest> access;  ///< once it is clear who asks for what
  UserPtr real;                         ///< who asks really, where `access` is about an impersonated user
  std::optional<Decision> decision;
  std::string name;                     ///< of an object that is being made, which the URL does not name
  json::value body;                     ///< of the request, where it is to be recorded; else null
};
using RecordPtr = std::shared_ptr<Record>;

/// Safe from any thread. Always in a shared_ptr: what it has wrapped holds it.
class Recorder : public std::enable_shared_from_this<Recorder> {
 public:
  /// `log` null: nothing is recorded. The clock outlives every wrapped responder, the generator the last `begin`.
  Recorder(Policy policy, std::unique_ptr<Log> log, const Clock& clock, Random& random)
      : policy_(std::move(policy)), log_(std::move(log)), clock_(clock), random_(random) {}

  RecordPtr begin(const net::Request&) const;
  /// A responder that writes the record when the answer goes out: ResponseComplete, and for what streams
  /// ResponseStarted before.
  std::unique_ptr<net::Responder> attach(std::unique_ptr<net::Responder>, RecordPtr) const;
  /// Whether the body of such a request shall be in its record.
  bool wants_body(const AccessRequest&) const;
  /// The log; null where there is none.
  Log* log() const { return log_.get(); }

 private:
  class Responder;
  void write(const Record&, std::string_view stage, int code) const;

  Policy policy_;
  std::unique_ptr<Log> log_;
  const Clock& clock_;
  Random& random_;
};

}  // namespace serin::apiserver::audit
