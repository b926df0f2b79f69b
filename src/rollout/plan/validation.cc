#include "rollout/plan/validation.h"

#include <algorithm>

#include "base/strings.h"
#include "kube/selector.h"
#include "rollout/plan/replicas.h"

namespace serin::rollout {
namespace {

class Validator {
 public:
  explicit Validator(const Rollout& rollout) : rollout_(rollout), canary_(rollout.canary()) {}

  std::vector<Cause> run() {
    workload();
    strategy();
    return std::move(causes_);
  }

 private:
  void add(std::string field, std::string message, std::string reason = "FieldValueInvalid") {
    causes_.push_back({std::move(reason), std::move(message), std::move(field)});
  }
  void required(std::string field, std::string message) {
    add(std::move(field), concat("Required value: ", message), "FieldValueRequired");
  }
  void unsupported(std::string field) {
    add(std::move(field), "is not supported by this version", "FieldValueNotSupported");
  }
  const json::value* spec(const char* name) const { return json::find(rollout_.doc(), "spec", name); }

  void workload() {
    if (spec("workloadRef")) unsupported("spec.workloadRef");
    if (rollout_.replicas() < 0) add("spec.replicas", "must not be negative");
    auto selector = kube::LabelSelector::from_object(spec("selector"));
    if (!spec("selector")) {
      required("spec.selector", "selects the pods of the Rollout");
    } else if (!selector) {
      add("spec.selector", selector.error().message);
    } else if (selector->empty()) {
      add("spec.selector", "must not be empty");
    } else if (!selector->matches(json::find(rollout_.pod_template(), "metadata", "labels"))) {
      add("spec.template.metadata.labels", "spec.selector does not match the template's labels");
    }
    if (json::items(rollout_.pod_template(), "spec", "containers").empty())
      required("spec.template.spec.containers", "at least one container");
  }

  void strategy() {
    const std::string base = "spec.strategy";
    const json::value* canary = json::find(rollout_.doc(), "spec", "strategy", "canary");
    const json::value* blue_green = json::find(rollout_.doc(), "spec", "strategy", "blueGreen");
    if (canary && blue_green) return add(base, "must have either canary or blueGreen, not both");
    if (blue_green) return unsupported(base + ".blueGreen");
    if (!canary) return required(base + ".canary", "a strategy");
    for (const char* field : {"analysis", "canaryMetadata", "stableMetadata", "antiAffinity", "pingPong",
                              "replicaProgressThreshold"})
      if (json::find(*canary, field)) unsupported(concat(base, ".canary.", field));
    if (const json::object* routing = json::find_object(*canary, "trafficRouting")) {
      for (const auto& [name, value] : *routing)
        if (name != "istio" && name != "managedRoutes") unsupported(concat(base, ".canary.trafficRouting.", name));
    }
    counts(base + ".canary");
    services(base + ".canary");
    if (canary_.istio) istio(base + ".canary.trafficRouting.istio", *canary);
    const json::array& written = json::items(*canary, "steps");
    for (size_t i = 0; i < canary_.steps.size(); ++i)
      step(concat(base, ".canary.steps[", i, "]"), canary_.steps[i], written[i]);
  }

  void counts(const std::string& base) {
    for (auto [name, value] : {std::pair{".maxSurge", &canary_.max_surge},
                               {".maxUnavailable", &canary_.max_unavailable}}) {
      if (value->is_null()) continue;
      auto pods = int_or_percent(*value, 100, true);
      if (!pods || *pods < 0) add(base + name, "must be a number of pods or a percentage such as \"25%\"");
    }
    auto is_zero = [](const json::value& v) { return !v.is_null() && int_or_percent(v, 100, true) == 0; };
    if (is_zero(canary_.max_surge) && is_zero(canary_.max_unavailable))
      add(base + ".maxSurge", "maxSurge and maxUnavailable must not both be 0");
    if (canary_.dynamic_stable_scale && canary_.scale_down_delay)
      add(base + ".dynamicStableScale", "excludes scaleDownDelaySeconds");
    if (canary_.dynamic_stable_scale && !canary_.routes_traffic())
      add(base + ".dynamicStableScale", "needs trafficRouting");
    if (canary_.min_pods_per_replica_set < 0) add(base + ".minPodsPerReplicaSet", "must not be negative");
  }

  void services(const std::string& base) {
    if (!canary_.canary_service.empty() && canary_.canary_service == canary_.stable_service)
      add(base + ".stableService", "canaryService and stableService must not be the same Service");
    if (!canary_.istio || canary_.istio->destination_rule) return;
    if (canary_.canary_service.empty()) required(base + ".canaryService", "traffic is split between two Services");
    if (canary_.stable_service.empty()) required(base + ".stableService", "traffic is split between two Services");
  }

  void istio(const std::string& base, const json::value& canary) {
    const IstioRouting& istio = *canary_.istio;
    if (istio.virtual_services.empty()) required(base + ".virtualService", "where the weights are set");
    bool single = json::find(canary, "trafficRouting", "istio", "virtualService") != nullptr;
    if (single && istio.virtual_services.size() > 1)
      add(base, "must have either virtualService or virtualServices, not both");
    for (size_t i = 0; i < istio.virtual_services.size(); ++i)
      if (istio.virtual_services[i].name.name.empty())
        required(single ? base + ".virtualService.name" : concat(base, ".virtualServices[", i, "].name"), "a name");
    auto other_routes = [&](const json::value& service, const std::string& field) {
      for (const char* kind : {"tlsRoutes", "tcpRoutes"})
        if (json::find(service, kind)) unsupported(concat(field, ".", kind));
    };
    if (const json::value* one = json::find(canary, "trafficRouting", "istio", "virtualService"))
      other_routes(*one, base + ".virtualService");
    const json::array& several = json::items(canary, "trafficRouting", "istio", "virtualServices");
    for (size_t i = 0; i < several.size(); ++i) other_routes(several[i], concat(base, ".virtualServices[", i, "]"));
    if (const auto& rule = istio.destination_rule) {
      if (rule->name.name.empty()) required(base + ".destinationRule.name", "a name");
      if (rule->stable_subset.empty()) required(base + ".destinationRule.stableSubsetName", "a subset");
      if (rule->canary_subset.empty()) required(base + ".destinationRule.canarySubsetName", "a subset");
      if (!rule->stable_subset.empty() && rule->stable_subset == rule->canary_subset)
        add(base + ".destinationRule.canarySubsetName", "must differ from stableSubsetName");
    }
  }

  void step(const std::string& field, const Step& step, const json::value& written) {
    const json::object* members = written.if_object();
    if (!members || members->size() != 1) return add(field, "must have exactly one action");
    switch (step.kind) {
      case Step::Kind::kSetWeight:
        if (!json::as_int(&members->begin()->value()) || step.weight < 0 || step.weight > 100)
          add(field + ".setWeight", concat("Invalid value: ", json::dump(members->begin()->value()),
                                           ": must be between 0 and 100"));
        return;
      case Step::Kind::kPause: {
        const json::value* duration = json::find(written, "pause", "duration");
        if (duration && !duration->is_null() && (!step.duration || *step.duration < Duration::zero()))
          add(field + ".pause.duration", concat("Invalid value: ", json::dump(*duration),
                                                ": must be seconds or a duration such as \"10m\""));
        return;
      }
      case Step::Kind::kSetCanaryScale: return canary_scale(field + ".setCanaryScale", step.scale);
      case Step::Kind::kSetHeaderRoute: return header_route(field + ".setHeaderRoute", step.header_route);
      case Step::Kind::kUnsupported:
        unsupported(concat(field, ".", std::string_view(members->begin()->key())));
    }
  }

  void canary_scale(const std::string& field, const CanaryScale& scale) {
    if (!canary_.routes_traffic()) add(field, "needs trafficRouting");
    int given = (scale.replicas ? 1 : 0) + (scale.weight ? 1 : 0) + (scale.match_traffic_weight ? 1 : 0);
    if (given != 1) add(field, "must have exactly one of replicas, weight and matchTrafficWeight");
    if (scale.replicas && *scale.replicas < 0) add(field + ".replicas", "must not be negative");
    if (scale.weight && (*scale.weight < 0 || *scale.weight > 100))
      add(field + ".weight", "must be between 0 and 100");
  }

  void header_route(const std::string& field, const HeaderRoute& route) {
    if (!canary_.routes_traffic()) add(field, "needs trafficRouting");
    const auto& managed = canary_.managed_routes;
    if (std::find(managed.begin(), managed.end(), route.name) == managed.end())
      add(field + ".name", concat("'", route.name, "' is not in trafficRouting.managedRoutes"));
    for (size_t i = 0; i < route.match.size(); ++i) {
      const HeaderMatch& match = route.match[i];
      if (match.header.empty()) required(concat(field, ".match[", i, "].headerName"), "a header");
      if (match.kind.empty())
        required(concat(field, ".match[", i, "].headerValue"), "one of exact, prefix and regex");
    }
  }

  const Rollout& rollout_;
  const CanaryStrategy& canary_;
  std::vector<Cause> causes_;
};

}  // namespace

std::vector<Cause> validate(const Rollout& rollout) { return Validator(rollout).run(); }

}  // namespace serin::rollout
