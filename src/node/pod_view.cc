#include "node/pod_view.h"

#include <algorithm>

namespace serin::node {
namespace {

std::vector<ContainerView> views(const PodObserved& observed, std::string_view field, bool init) {
  std::vector<ContainerView> out;
  for (const json::value& spec : json::items(observed.pod.doc(), "spec", field)) {
    ContainerView view;
    view.spec = &spec;
    view.name = json::get_string(spec, "name");
    view.init = init;
    view.sidecar = init && json::get_string(spec, "restartPolicy") == "Always";
    if (observed.sandbox)
      for (const ContainerRecord& record : observed.sandbox->containers) {
        if (record.id.container != view.name) continue;
        view.previous = view.latest;
        view.latest = &record;
      }
    if (view.latest != nullptr) {
      auto health = observed.health.find(view.latest->id);
      if (health != observed.health.end()) view.health = &health->second;
      auto ending = observed.endings.find(view.latest->id);
      if (ending != observed.endings.end()) view.ending = &ending->second;
    }
    auto problem = observed.problems.find(view.name);
    if (problem != observed.problems.end()) view.problem = &problem->second;
    out.push_back(std::move(view));
  }
  return out;
}

}  // namespace

bool ContainerView::restarts(std::string_view pod_policy) const {
  if (sidecar) return true;
  if (init) return !succeeded() && pod_policy != "Never";
  if (pod_policy == "Never") return false;
  return pod_policy != "OnFailure" || !succeeded();
}

PodView::PodView(const PodObserved& observed)
    : uid(observed.pod.uid()),
      restart_policy(json::get_string(observed.pod.doc(), "spec", "restartPolicy")),
      init(views(observed, "initContainers", true)),
      main(views(observed, "containers", false)) {
  if (restart_policy.empty()) restart_policy = "Always";
}

bool PodView::any_running() const {
  auto running = [](const ContainerView& view) { return view.running(); };
  return std::any_of(init.begin(), init.end(), running) || std::any_of(main.begin(), main.end(), running);
}

bool PodView::main_begun() const {
  return std::any_of(main.begin(), main.end(), [](const ContainerView& view) { return view.latest != nullptr; });
}

bool PodView::finished() const {
  return !main.empty() && std::all_of(main.begin(), main.end(), [&](const ContainerView& view) {
    return view.exited() && !view.restarts(restart_policy);
  });
}

bool PodView::init_failed() const {
  return !main_begun() && std::any_of(init.begin(), init.end(), [&](const ContainerView& view) {
    return !view.sidecar && view.exited() && !view.succeeded() && !view.restarts(restart_policy);
  });
}

bool PodView::initialized() const {
  if (main_begun()) return true;
  return std::all_of(init.begin(), init.end(), [](const ContainerView& view) {
    return view.sidecar ? view.started() : view.succeeded();
  });
}

}  // namespace serin::node
