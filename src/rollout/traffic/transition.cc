#include "rollout/traffic/transition.h"

#include "base/strings.h"

namespace serin::rollout {
namespace {

class Planner {
 public:
  Planner(const Routing& current, const Routing& target, const Confirmation& confirmation,
          const TransitionLimits& limits)
      : now_(current), to_(target), confirmation_(confirmation), limits_(limits) {}

  Transition next() {
    if (now_ == to_) return {now_, {}};
    if (!limits_.weighted) return services_alone();
    Transition result{now_, {}};
    if (!relabel(result)) shift(result);
    return result;
  }

 private:
  PodCount pods(const std::string& hash) const { return limits_.pods(hash); }
  bool narrows_stable() const { return now_.stable_hash.empty(); }
  /// Stable is to mean the pods that the canary means already: they take all traffic there first.
  bool promotes() const {
    return now_.stable_hash != to_.stable_hash && !narrows_stable() && now_.canary_hash == to_.stable_hash;
  }

  static void wait(Transition& result, std::string what) {
    if (result.waits_for.empty()) result.waits_for = std::move(what);
  }
  void wait_for_proxies(Transition& result) const {
    wait(result, concat("the proxies", confirmation_.message.empty() ? "" : ": ", confirmation_.message));
  }

  /// Changes what a place selects where that is safe now. True where it did.
  bool relabel(Transition& result) {
    if (now_.stable_hash != to_.stable_hash) {
      bool idle = now_.canary_weight == 100;
      bool reachable = promotes();
      if (!pods(to_.stable_hash).all) {
        wait(result, concat("pods of ", to_.stable_hash, " for the stable side"));
      } else if (narrows_stable() || !reachable || idle) {
        // Narrowing, or a repair of what somebody else wrote, is safe with all pods there; else nothing may go
        // there any more.
        if (!idle || confirmation_.routes_settled()) {
          result.next.stable_hash = to_.stable_hash;
          return true;
        }
        wait_for_proxies(result);
      }
    }
    if (now_.canary_hash != to_.canary_hash && !now_.canary_in_use() && !promotes()) {
      if (pods(to_.canary_hash).available == 0) {
        wait(result, concat("pods of ", to_.canary_hash));
      } else if (!confirmation_.routes_settled()) {
        wait_for_proxies(result);
      } else {
        result.next.canary_hash = to_.canary_hash;
        return true;
      }
    }
    return false;
  }

  /// Changes weights and header routes where that is safe now.
  void shift(Transition& result) {
    int64_t weight = to_.canary_weight;
    std::vector<HeaderRoute> headers = to_.header_routes;
    if (promotes()) {
      weight = 100;
      headers = now_.header_routes;
    } else if (now_.canary_hash != to_.canary_hash) {
      weight = 0;
      headers.clear();
    }
    if (weight == now_.canary_weight && headers == now_.header_routes) return;
    if (!confirmation_.subsets_settled()) return wait_for_proxies(result);
    bool canary_there = pods(now_.canary_hash).available > 0;
    bool unknown = now_.canary_weight < 0;
    bool grows = weight > now_.canary_weight && !(unknown && weight == 0);
    if (!canary_there && (grows || !headers.empty())) {
      wait(result, concat("pods of ", now_.canary_hash));
      return;
    }
    if ((weight < now_.canary_weight || (unknown && weight < 100)) && !stable_can_take(weight, canary_there)) {
      wait(result, "stable pods to take the traffic");
      return;
    }
    result.next.canary_weight = weight;
    result.next.header_routes = std::move(headers);
  }

  /// A canary without pods gives its traffic back to any stable pod there is.
  bool stable_can_take(int64_t weight, bool canary_there) const {
    if (now_.stable_hash.empty()) return true;
    if (pods(now_.stable_hash).available == 0) return false;
    return now_.stable_hash != to_.stable_hash || !canary_there || limits_.stable_capacity(weight);
  }

  Transition services_alone() {
    Transition result{now_, {}};
    auto follow = [&](std::string& hash, const std::string& to) {
      if (hash == to) return;
      PodCount there = pods(to);
      if (hash.empty() ? there.all : there.available > 0) hash = to;
      else wait(result, concat("pods of ", to));
    };
    follow(result.next.stable_hash, to_.stable_hash);
    follow(result.next.canary_hash, to_.canary_hash);
    return result;
  }

  const Routing& now_;
  const Routing& to_;
  const Confirmation& confirmation_;
  const TransitionLimits& limits_;
};

}  // namespace

Transition next_routing(const Routing& current, const Routing& target, const Confirmation& confirmation,
                        const TransitionLimits& limits) {
  return Planner(current, target, confirmation, limits).next();
}

}  // namespace serin::rollout
