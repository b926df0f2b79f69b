#include "rollout/rollout.h"

#include "base/strings.h"
#include "base/time.h"
#include "rollout/names.h"

namespace serin::rollout {
namespace {

const json::value& empty_object() {
  static const json::value kEmpty = json::object();
  return kEmpty;
}

std::optional<Duration> seconds_at(const json::value& v, std::string_view name) {
  auto seconds = json::as_int(json::find(v, name));
  return seconds ? std::optional<Duration>(std::chrono::seconds(*seconds)) : std::nullopt;
}

HeaderRoute read_header_route(const json::value& v) {
  HeaderRoute route{std::string(json::get_string(v, "name")), {}};
  for (const json::value& match : json::items(v, "match")) {
    HeaderMatch read{std::string(json::get_string(match, "headerName")), {}, {}};
    for (std::string_view kind : {"exact", "prefix", "regex"}) {
      std::string_view value = json::get_string(match, "headerValue", kind);
      if (value.empty()) continue;
      read.kind = kind;
      read.value = value;
      break;
    }
    route.match.push_back(std::move(read));
  }
  return route;
}

Step read_step(const json::value& v) {
  Step step{Step::Kind::kUnsupported, 0, {}, {}, {}, {}};
  const json::object* members = v.if_object();
  if (!members) return step;
  if (const json::value* weight = members->if_contains("setWeight")) {
    step.kind = Step::Kind::kSetWeight;
    step.weight = json::as_int(weight).value_or(0);
    step.text = concat("setWeight: ", step.weight);
  } else if (const json::value* pause = members->if_contains("pause")) {
    step.kind = Step::Kind::kPause;
    step.text = "pause";
    if (const json::value* duration = json::find(*pause, "duration"); duration && !duration->is_null()) {
      step.duration = parse_pause(*duration);
      step.text += ": ";
      step.text += duration->is_string() ? std::string(json::as_string(duration)) : json::dump(*duration);
    }
  } else if (const json::value* scale = members->if_contains("setCanaryScale")) {
    step.kind = Step::Kind::kSetCanaryScale;
    step.scale = {json::as_int(json::find(*scale, "replicas")), json::as_int(json::find(*scale, "weight")),
                  json::get_bool(*scale, false, "matchTrafficWeight")};
    step.text = "setCanaryScale";
    if (step.scale.weight) step.text += concat("{weight: ", *step.scale.weight, "}");
    else if (step.scale.match_traffic_weight) step.text += "{matchTrafficWeight: true}";
    else if (step.scale.replicas) step.text += concat("{replicas: ", *step.scale.replicas, "}");
  } else if (const json::value* route = members->if_contains("setHeaderRoute")) {
    step.kind = Step::Kind::kSetHeaderRoute;
    step.header_route = read_header_route(*route);
    step.text = concat("setHeaderRoute: ", step.header_route.name);
  } else if (!members->empty()) {
    step.text = std::string(members->begin()->key());
  }
  return step;
}

/// "name" or "name.namespace", as Argo Rollouts reads it; ".cluster.local" and what stands before the last dot
/// of the name are kept out of the namespace.
NamespacedName virtual_service_name(std::string_view text, const std::string& own_namespace) {
  constexpr std::string_view kSuffix = ".cluster.local";
  if (text.ends_with(kSuffix)) text.remove_suffix(kSuffix.size());
  size_t dot = text.rfind('.');
  if (dot == std::string_view::npos) return {own_namespace, std::string(text)};
  return {std::string(text.substr(dot + 1)), std::string(text.substr(0, dot))};
}

IstioRouting read_istio(const json::value& v, const std::string& own_namespace) {
  IstioRouting istio;
  auto add = [&](const json::value& service) {
    VirtualServiceRef ref{virtual_service_name(json::get_string(service, "name"), own_namespace), {}};
    for (const json::value& route : json::items(service, "routes"))
      ref.routes.emplace_back(json::as_string(&route));
    istio.virtual_services.push_back(std::move(ref));
  };
  if (const json::value* single = json::find(v, "virtualService")) add(*single);
  for (const json::value& service : json::items(v, "virtualServices")) add(service);
  if (const json::value* rule = json::find(v, "destinationRule"); rule && rule->is_object()) {
    istio.destination_rule = DestinationRuleRef{{own_namespace, std::string(json::get_string(*rule, "name"))},
                                                std::string(json::get_string(*rule, "stableSubsetName")),
                                                std::string(json::get_string(*rule, "canarySubsetName"))};
  }
  return istio;
}

CanaryStrategy read_canary(const json::value& v, const std::string& own_namespace) {
  CanaryStrategy canary;
  for (const json::value& step : json::items(v, "steps")) canary.steps.push_back(read_step(step));
  canary.canary_service = json::get_string(v, "canaryService");
  canary.stable_service = json::get_string(v, "stableService");
  if (const json::value* istio = json::find(v, "trafficRouting", "istio"); istio && istio->is_object())
    canary.istio = read_istio(*istio, own_namespace);
  for (const json::value& route : json::items(v, "trafficRouting", "managedRoutes"))
    canary.managed_routes.emplace_back(json::get_string(route, "name"));
  if (const json::value* surge = json::find(v, "maxSurge")) canary.max_surge = *surge;
  if (const json::value* down = json::find(v, "maxUnavailable")) canary.max_unavailable = *down;
  canary.scale_down_delay = seconds_at(v, "scaleDownDelaySeconds");
  canary.scale_down_delay_revision_limit = json::as_int(json::find(v, "scaleDownDelayRevisionLimit"));
  if (auto delay = seconds_at(v, "abortScaleDownDelaySeconds")) {
    canary.abort_scale_down_delay =
        *delay == Duration::zero() ? std::optional<Duration>() : std::optional<Duration>(*delay);
  }
  canary.dynamic_stable_scale = json::get_bool(v, false, "dynamicStableScale");
  canary.min_pods_per_replica_set = json::get_int(v, 0, "minPodsPerReplicaSet");
  return canary;
}

}  // namespace

std::string Step::describe() const { return text; }

std::optional<Duration> parse_pause(const json::value& duration) {
  if (auto seconds = json::as_int(&duration)) return std::chrono::seconds(*seconds);
  std::string_view text = json::as_string(&duration);
  if (auto seconds = parse_int<int64_t>(text)) return std::chrono::seconds(*seconds);
  return text.empty() ? std::nullopt : parse_duration(text);
}

Rollout::Rollout(Object object) : object_(std::move(object)) {
  if (const json::value* canary = json::find(doc(), "spec", "strategy", "canary"))
    canary_ = read_canary(*canary, std::string(object_.ns()));
}

const json::value& Rollout::pod_template() const {
  const json::value* found = json::find(doc(), "spec", "template");
  return found && found->is_object() ? *found : empty_object();
}

const json::value& Rollout::status() const {
  const json::value* found = json::find(doc(), "status");
  return found && found->is_object() ? *found : empty_object();
}

ReplicaSet::ReplicaSet(Object read) : object(std::move(read)) {
  const json::value& doc = object.doc();
  hash = object.label(kHashLabel);
  wanted = json::get_int(doc, 1, "spec", "replicas");
  created = json::get_int(doc, 0, "status", "replicas");
  ready = json::get_int(doc, 0, "status", "readyReplicas");
  available = json::get_int(doc, 0, "status", "availableReplicas");
  revision = parse_int<int64_t>(object.annotation(kRevision)).value_or(0);
  if (std::string_view text = object.annotation(kScaleDownDeadline); !text.empty()) deadline = parse_time(text);
}

}  // namespace serin::rollout
