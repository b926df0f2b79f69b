#include "rollout/plan/steps.h"

#include <algorithm>

namespace serin::rollout {
namespace {

int64_t last(const Steps& steps, int64_t index) {
  return std::min(index, static_cast<int64_t>(steps.size()) - 1);
}

}  // namespace

int64_t weight_at(const Steps& steps, int64_t index) {
  if (index >= static_cast<int64_t>(steps.size())) return 100;
  return weight_before(steps, index + 1);
}

int64_t weight_before(const Steps& steps, int64_t index) {
  for (int64_t i = last(steps, index - 1); i >= 0; --i)
    if (steps[static_cast<size_t>(i)].kind == Step::Kind::kSetWeight) return steps[static_cast<size_t>(i)].weight;
  return 0;
}

std::optional<CanaryScale> canary_scale_at(const Steps& steps, int64_t index) {
  if (index >= static_cast<int64_t>(steps.size())) return std::nullopt;
  for (int64_t i = index; i >= 0; --i) {
    const Step& step = steps[static_cast<size_t>(i)];
    if (step.kind != Step::Kind::kSetCanaryScale) continue;
    if (step.scale.match_traffic_weight) return std::nullopt;
    return step.scale;
  }
  return std::nullopt;
}

std::vector<HeaderRoute> header_routes_at(const Steps& steps, int64_t index,
                                          const std::vector<std::string>& managed) {
  std::vector<HeaderRoute> routes;
  for (const std::string& name : managed) {
    for (int64_t i = last(steps, index); i >= 0; --i) {
      const Step& step = steps[static_cast<size_t>(i)];
      if (step.kind != Step::Kind::kSetHeaderRoute || step.header_route.name != name) continue;
      if (!step.header_route.match.empty()) routes.push_back(step.header_route);
      break;
    }
  }
  return routes;
}

}  // namespace serin::rollout
