#include <algorithm>

#include "base/strings.h"
#include "base/time.h"
#include "kube/resources.h"
#include "rollout/names.h"
#include "rollout/traffic/istio_routes.h"
#include "rollout/traffic/router.h"
#include "rollout/traffic/selection.h"

namespace serin::rollout {
namespace {

Cause not_found(std::string field, std::string_view kind, const NamespacedName& name) {
  return {"FieldValueNotFound", concat(kind, " ", name.str(), " not found"), std::move(field)};
}

/// What two objects that shall select the same say together.
std::string agreed(const std::vector<std::string>& hashes) {
  if (hashes.empty()) return {};
  for (const std::string& hash : hashes)
    if (hash != hashes[0]) return kMixedHash;
  return hashes[0];
}

/// The `Reconciled` condition of an object: what the mesh says of its proxies.
struct Report {
  Ack ack = Ack::kNobodyReports;
  std::string message;
  std::optional<TimePoint> since;
};

Report read_report(const Object& object) {
  const json::value* condition = kube::find_condition(object, "Reconciled");
  if (!condition) return {};
  std::string_view value = json::get_string(*condition, "status");
  if (value != "True" && value != "False") return {};  // Unknown: nobody can say
  Report report{Ack::kNotYet, std::string(json::get_string(*condition, "message")),
                parse_time(json::get_string(*condition, "lastTransitionTime"))};
  const json::value* field = json::find(object.doc(), "status", "observedGeneration");
  std::optional<int64_t> observed = json::as_int(field);
  if (!observed) observed = parse_int<int64_t>(json::as_string(field));
  if (observed.value_or(0) < object.generation()) {
    report.message = "the newest change has not been taken over yet";
    report.since = std::nullopt;
  } else if (value == "True") {
    report.ack = Ack::kYes;
  }
  return report;
}

/// Istio: weights in VirtualServices; the two places are subsets of a DestinationRule, Services, or both.
/// Without VirtualServices: the Services alone.
class IstioRouter final : public TrafficRouter {
 public:
  explicit IstioRouter(const Rollout& rollout) : rollout_(rollout.name()), canary_(rollout.canary()) {
    key_namespace_ = rollout.key().ns;
    if (canary_.istio) istio_ = *canary_.istio;
  }

  bool weighted() const override { return canary_.istio.has_value(); }

  std::vector<Cause> problems(const TrafficObjects& objects) const override {
    std::vector<Cause> causes;
    const std::string base = "spec.strategy.canary";
    if (!canary_.stable_service.empty() && objects.stable_service.empty())
      causes.push_back(not_found(base + ".stableService", "Service", {key_namespace_, canary_.stable_service}));
    if (!canary_.canary_service.empty() && objects.canary_service.empty())
      causes.push_back(not_found(base + ".canaryService", "Service", {key_namespace_, canary_.canary_service}));
    const std::string istio = base + ".trafficRouting.istio";
    if (const auto& rule = istio_.destination_rule) {
      if (objects.destination_rule.empty()) {
        causes.push_back(not_found(istio + ".destinationRule.name", "DestinationRule", rule->name));
      } else {
        for (auto [field, subset] : {std::pair{".destinationRule.stableSubsetName", &rule->stable_subset},
                                     std::pair{".destinationRule.canarySubsetName", &rule->canary_subset}})
          if (!subset_hash(objects.destination_rule, *subset))
            causes.push_back({"FieldValueNotFound",
                              concat("DestinationRule ", rule->name.str(), " has no subset '", *subset, "'"),
                              istio + field});
      }
    }
    for (size_t i = 0; i < istio_.virtual_services.size(); ++i) {
      const VirtualServiceRef& ref = istio_.virtual_services[i];
      const std::string field = istio_.virtual_services.size() == 1
                                    ? istio + ".virtualService"
                                    : concat(istio, ".virtualServices[", i, "]");
      const Object& found = objects.virtual_services[i];
      if (found.empty()) {
        causes.push_back(not_found(field + ".name", "VirtualService", ref.name));
        continue;
      }
      auto routes = weighted_routes(found.doc(), ref.routes, canary_.managed_routes);
      std::string missing = routes ? route_without_destination(found.doc(), *routes, destinations(objects))
                                   : routes.error().message;
      if (!missing.empty())
        causes.push_back(
            {"FieldValueInvalid", concat("VirtualService ", ref.name.str(), ": ", missing), field + ".routes"});
    }
    return causes;
  }

  Routing current(const TrafficObjects& objects) const override {
    Routing routing;
    std::vector<std::string> stable, canary;
    if (const auto& rule = istio_.destination_rule) {
      stable.push_back(subset_hash(objects.destination_rule, rule->stable_subset).value_or(""));
      canary.push_back(subset_hash(objects.destination_rule, rule->canary_subset).value_or(""));
    }
    if (!objects.stable_service.empty()) stable.push_back(service_hash(objects.stable_service));
    if (!objects.canary_service.empty()) canary.push_back(service_hash(objects.canary_service));
    routing.stable_hash = agreed(stable);
    routing.canary_hash = agreed(canary);
    for (size_t i = 0; i < istio_.virtual_services.size(); ++i) {
      const json::value& doc = objects.virtual_services[i].doc();
      int64_t weight = canary_weight(doc, routes(i, objects), destinations(objects));
      auto headers = header_routes(doc, canary_.managed_routes, destinations(objects));
      if (i == 0) {
        routing.canary_weight = weight;
        routing.header_routes = std::move(headers);
      } else {
        if (weight != routing.canary_weight) routing.canary_weight = kUneven;
        if (headers != routing.header_routes) routing.header_routes.push_back({"(uneven)", {}});
      }
    }
    return routing;
  }

  std::vector<client::Write> set(const Routing& to, const TrafficObjects& objects) const override {
    std::vector<client::Write> writes;
    auto append = [&](std::vector<client::Write> more) {
      for (client::Write& write : more) writes.push_back(std::move(write));
    };
    if (!objects.stable_service.empty() && !to.stable_hash.empty())
      append(select_in_service(objects.stable_service, to.stable_hash, rollout_));
    if (!objects.canary_service.empty() && !to.canary_hash.empty())
      append(select_in_service(objects.canary_service, to.canary_hash, rollout_));
    if (istio_.destination_rule)
      append(select_in_subsets(objects.resources.destination_rules, objects.destination_rule,
                               *istio_.destination_rule, to.stable_hash, to.canary_hash, rollout_));
    for (size_t i = 0; i < istio_.virtual_services.size(); ++i) {
      const Object& found = objects.virtual_services[i];
      json::array patch = route_patch(found.doc(), routes(i, objects), canary_.managed_routes,
                                      destinations(objects), to);
      if (patch.empty()) continue;
      writes.push_back(client::json_patch(objects.resources.virtual_services, found.key(), std::move(patch),
                                          concat("set the canary's weight to ", to.canary_weight)));
    }
    return writes;
  }

  Confirmation confirmed(const TrafficObjects& objects) const override {
    Confirmation confirmation;
    auto add = [&](Ack& ack, const Object& object) {
      Report report = read_report(object);
      if (report.ack == Ack::kNotYet && confirmation.object.empty()) {
        confirmation.message = report.message;
        confirmation.object = object.describe();
        confirmation.since = report.since;
      }
      if (report.ack == Ack::kNotYet || (report.ack == Ack::kYes && ack != Ack::kNotYet)) ack = report.ack;
    };
    for (const Object& found : objects.virtual_services) add(confirmation.routes, found);
    if (istio_.destination_rule) add(confirmation.subsets, objects.destination_rule);
    return confirmation;
  }

 private:
  /// The weight where objects disagree: no wish equals it.
  static constexpr int64_t kUneven = -1;

  Destinations destinations(const TrafficObjects& objects) const {
    Destinations d{{}, {}, canary_.stable_service, canary_.canary_service, {}};
    if (const auto& rule = istio_.destination_rule) {
      d.stable_subset = rule->stable_subset;
      d.canary_subset = rule->canary_subset;
      d.subset_host = json::get_string(objects.destination_rule.doc(), "spec", "host");
    }
    return d;
  }

  std::vector<size_t> routes(size_t i, const TrafficObjects& objects) const {
    return weighted_routes(objects.virtual_services[i].doc(), istio_.virtual_services[i].routes,
                           canary_.managed_routes)
        .value_or(std::vector<size_t>());
  }

  std::string rollout_, key_namespace_;
  CanaryStrategy canary_;
  IstioRouting istio_;
};

}  // namespace

std::unique_ptr<TrafficRouter> make_router(const Rollout& rollout) {
  return std::make_unique<IstioRouter>(rollout);
}

}  // namespace serin::rollout
