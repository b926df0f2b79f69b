#pragma once

/// Where traffic is set and confirmed. One implementation per kind of object that carries weights. Pure: objects
/// in, writes out. Only the leaves that belong to the rollout are written, each guarded by a test of what was read,
/// so that a foreign change in between fails the write instead of being lost.

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "client/write.h"
#include "rollout/observed.h"
#include "rollout/traffic/routing.h"

namespace serin::rollout {

class TrafficRouter {
 public:
  virtual ~TrafficRouter() = default;

  /// What keeps the objects from carrying weights, with the Rollout's field paths: missing objects, routes,
  /// subsets. The other calls expect that there is nothing.
  virtual std::vector<Cause> problems(const TrafficObjects&) const = 0;
  /// What the objects say now.
  virtual Routing current(const TrafficObjects&) const = 0;
  /// The writes that make the objects say `to`; none where they do.
  virtual std::vector<client::Write> set(const Routing& to, const TrafficObjects&) const = 0;
  /// Whether the proxies have what the objects say.
  virtual Confirmation confirmed(const TrafficObjects&) const = 0;
  /// Whether it moves weights; without, only what Services select.
  virtual bool weighted() const = 0;
};

/// The router that a Rollout asks for. Always one: without trafficRouting it sets the Services alone.
std::unique_ptr<TrafficRouter> make_router(const Rollout&);

}  // namespace serin::rollout
