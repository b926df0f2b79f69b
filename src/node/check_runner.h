#pragma once

/// Asks a program whether it is well: one check, one answer, within its timeout. Blocking; safe from any thread.

#include "node/probe.h"
#include "node/runtime.h"

namespace serin::node {

class CheckRunner {
 public:
  virtual ~CheckRunner() = default;
  virtual Outcome run(const Check& check, const ContainerId& container, Duration timeout) = 0;
};

/// The real one: sockets to the pod's address, programs by the runtime.
class HostCheckRunner final : public CheckRunner {
 public:
  explicit HostCheckRunner(Runtime& runtime) : runtime_(runtime) {}
  Outcome run(const Check& check, const ContainerId& container, Duration timeout) override;

 private:
  Runtime& runtime_;
};

/// 200 to 399 is well; redirects to the same host are followed, ten at the most, others count as well (over TLS
/// all do).
Outcome check_http(const Check& check, Duration timeout);
/// Well where a connection is accepted.
Outcome check_tcp(const Check& check, Duration timeout);
/// grpc.health.v1.Health/Check: well is SERVING.
Outcome check_grpc(const Check& check, Duration timeout);

}  // namespace serin::node
