#include "kube/builtin_defaults.h"

#include "base/strings.h"
#include "kube/canonical.h"
#include "kube/schema.h"

namespace serin::kube {
namespace {

/// Sets a member that is missing or null.
void put(json::value& object, std::string_view name, json::value to) {
  json::object* members = object.if_object();
  if (!members) return;
  json::value& member = (*members)[name];
  if (member.is_null()) member = std::move(to);
}

json::array* list_at(json::value& object, std::string_view name) {
  json::value* found = json::find(object, name);
  return found ? found->if_array() : nullptr;
}

json::value* object_at(json::value& object, std::string_view name) {
  json::value* found = json::find(object, name);
  return found && found->is_object() ? found : nullptr;
}

template <class Do>
void each(json::value& object, std::string_view name, Do&& visit) {
  if (json::array* list = list_at(object, name))
    for (json::value& item : *list)
      if (item.is_object()) visit(item);
}

template <class Do>
void each_container(json::value& pod_spec, Do&& visit) {
  for (std::string_view list : {"initContainers", "containers"}) each(pod_spec, list, visit);
}

/// True where an image names the tag "latest", or neither tag nor digest.
bool is_latest(std::string_view image) {
  bool digest = false;
  if (size_t at = image.find('@'); at != image.npos) {
    digest = true;
    image = image.substr(0, at);
  }
  size_t colon = image.rfind(':');
  size_t slash = image.rfind('/');
  bool tagged = colon != image.npos && (slash == image.npos || colon > slash);
  return tagged ? image.substr(colon + 1) == "latest" : !digest;
}

void default_container(json::value& container) {
  put(container, "imagePullPolicy",
      is_latest(json::get_string(container, "image")) ? "Always" : "IfNotPresent");
}

void default_pod_spec(json::value& spec) {
  if (!spec.is_object()) return;
  each_container(spec, default_container);
  each(spec, "ephemeralContainers", default_container);
  if (json::get_bool(spec, false, "hostNetwork")) {
    each_container(spec, [](json::value& container) {
      each(container, "ports", [](json::value& port) {
        if (json::get_int(port, 0, "hostPort") == 0)
          if (const json::value* number = json::find(port, "containerPort"))
            port.get_object()["hostPort"] = *number;
      });
    });
  }
  each(spec, "volumes", [](json::value& volume) {
    if (volume.get_object().size() == 1 && json::find(volume, "name"))
      volume.get_object()["emptyDir"] = json::object();
  });
  // The deprecated spelling follows the present one, and the other way round.
  std::string account(json::get_string(spec, "serviceAccountName"));
  if (account.empty()) account = json::get_string(spec, "serviceAccount");
  if (!account.empty()) {
    spec.get_object()["serviceAccountName"] = account;
    spec.get_object()["serviceAccount"] = account;
  }
}

/// Only in pods, not in templates: what is limited is also requested.
void default_requests(json::value& spec) {
  each_container(spec, [](json::value& container) {
    json::value* resources = object_at(container, "resources");
    json::value* limits = resources ? object_at(*resources, "limits") : nullptr;
    if (!limits) return;
    json::object copy = limits->get_object();
    if (copy.empty()) return;
    put(*resources, "requests", json::object());
    for (const auto& [name, limit] : copy) put(*json::find(*resources, "requests"), name, limit);
  });
}

void default_template_of(json::value& spec) {
  if (json::value* pod_spec = json::find(spec, "template", "spec")) default_pod_spec(*pod_spec);
}

void default_strategy(json::value& spec, std::string_view name, json::value rolling) {
  json::value* strategy = object_at(spec, name);
  if (!strategy || json::get_string(*strategy, "type") != "RollingUpdate") return;
  put(*strategy, "rollingUpdate", json::object());
  json::value* update = object_at(*strategy, "rollingUpdate");
  if (!update) return;
  for (const auto& [member, value] : rolling.get_object()) put(*update, member, value);
}

void default_job(json::value& job, json::value& spec) {
  if (!json::find(spec, "completions") && !json::find(spec, "parallelism")) put(spec, "completions", 1);
  put(spec, "parallelism", 1);
  put(spec, "backoffLimit", json::find(spec, "backoffLimitPerIndex") ? 2147483647 : 6);
  put(spec, "completionMode", "NonIndexed");
  put(spec, "suspend", false);
  put(spec, "manualSelector", false);
  put(spec, "podReplacementPolicy",
      json::find(spec, "podFailurePolicy") ? "Failed" : "TerminatingOrFailed");
  default_template_of(spec);
  std::string uid(json::get_string(job, "metadata", "uid"));
  std::string name(json::get_string(job, "metadata", "name"));
  if (!uid.empty() && !json::get_bool(spec, false, "manualSelector") && !json::find(spec, "selector") &&
      object_at(spec, "template")) {
    json::object& labels = json::ensure_object(spec, {"template", "metadata", "labels"});
    for (std::string_view label : {"batch.kubernetes.io/controller-uid", "controller-uid"})
      labels[label] = uid;
    for (std::string_view label : {"batch.kubernetes.io/job-name", "job-name"}) labels[label] = name;
    json::set(spec, {"selector", "matchLabels", "batch.kubernetes.io/controller-uid"}, json::value(uid));
  }
  if (!json::find(job, "metadata", "labels"))
    if (const json::value* labels = json::find(spec, "template", "metadata", "labels"))
      json::set(job, {"metadata", "labels"}, json::value(*labels));
}

void default_service(json::value& spec) {
  const std::string type(json::get_string(spec, "type"));  // members move when others are added
  if (json::get_string(spec, "sessionAffinity") == "ClientIP") {
    put(spec, "sessionAffinityConfig", json::object());
    json::value* config = object_at(spec, "sessionAffinityConfig");
    if (config) put(*config, "clientIP", json::object());
    if (json::value* client = config ? object_at(*config, "clientIP") : nullptr)
      put(*client, "timeoutSeconds", 10800);
  }
  each(spec, "ports", [](json::value& port) {
    const json::value* target = json::find(port, "targetPort");
    bool unset = !target || target->is_null() || json::as_int(target) == 0 ||
                 (target->is_string() && target->get_string().empty());
    const json::value* number = json::find(port, "port");
    if (unset && number) {
      json::value same = *number;
      port.get_object()["targetPort"] = std::move(same);
    }
  });
  if (type == "ExternalName") return;
  put(spec, "internalTrafficPolicy", "Cluster");
  if (type == "NodePort" || type == "LoadBalancer") put(spec, "externalTrafficPolicy", "Cluster");
  if (type == "LoadBalancer") put(spec, "allocateLoadBalancerNodePorts", true);
  put(spec, "ipFamilyPolicy", "SingleStack");
  put(spec, "ipFamilies", json::array{"IPv4"});
}

void default_claims(json::value& spec) {
  each(spec, "volumeClaimTemplates", [](json::value& claim) {
    put(claim, "apiVersion", "v1");
    put(claim, "kind", "PersistentVolumeClaim");
  });
}

void default_controller(json::value& controller, json::value& spec) {
  default_template_of(spec);
  const json::value* labels = json::find(spec, "template", "metadata", "labels");
  if (!labels) return;
  json::value copy = *labels;
  put(spec, "selector", copy);
  if (!json::find(controller, "metadata", "labels")) json::set(controller, {"metadata", "labels"}, copy);
}

void default_core(json::value& object, std::string_view kind, json::value* spec) {
  if (kind == "Namespace") {
    auto name = json::get_string(object, "metadata", "name");
    if (!name.empty())
      json::ensure_object(object, {"metadata", "labels"})["kubernetes.io/metadata.name"] = std::string(name);
  } else if (kind == "Node") {
    if (json::value* status = object_at(object, "status"))
      if (const json::value* capacity = json::find(*status, "capacity")) {
        json::value same = *capacity;
        put(*status, "allocatable", std::move(same));
      }
  } else if (kind == "PodTemplate") {
    if (json::value* pod_spec = json::find(object, "template", "spec")) default_pod_spec(*pod_spec);
  }
  if (!spec) return;
  if (kind == "Pod") {
    default_pod_spec(*spec);
    default_requests(*spec);
  } else if (kind == "Service") {
    default_service(*spec);
  } else if (kind == "ReplicationController") {
    default_controller(object, *spec);
  }
}

void default_subjects(json::value& binding) {
  each(binding, "subjects", [](json::value& subject) {
    if (!json::get_string(subject, "apiGroup").empty()) return;
    std::string_view kind = json::get_string(subject, "kind");
    if (kind == "User" || kind == "Group")
      subject.get_object()["apiGroup"] = "rbac.authorization.k8s.io";
  });
}

void default_crd(json::value& spec) {
  json::value* names = object_at(spec, "names");
  if (!names) return;
  std::string kind(json::get_string(*names, "kind"));
  if (kind.empty()) return;
  put(*names, "singular", json::value(lower(kind)));
  put(*names, "listKind", json::value(concat(kind, "List")));
}

void default_metrics(json::value& spec) {
  put(spec, "metrics",
      json::array{json::object{
          {"type", "Resource"},
          {"resource",
           json::object{{"name", "cpu"},
                        {"target", json::object{{"type", "Utilization"}, {"averageUtilization", 80}}}}}}});
}

}  // namespace

void apply_builtin_defaults(json::value& object, const GroupVersionKind& gvk) {
  if (!object.is_object()) return;
  const std::string_view group = gvk.group, kind = gvk.kind;
  json::value* spec = object_at(object, "spec");
  if (group.empty()) {
    default_core(object, kind, spec);
  } else if (group == "rbac.authorization.k8s.io") {
    default_subjects(object);
  } else if (spec && group == "apps") {
    default_template_of(*spec);
    if (kind == "Deployment")
      default_strategy(*spec, "strategy", json::object{{"maxUnavailable", "25%"}, {"maxSurge", "25%"}});
    if (kind == "DaemonSet")
      default_strategy(*spec, "updateStrategy", json::object{{"maxUnavailable", 1}, {"maxSurge", 0}});
    if (kind == "StatefulSet") {
      default_strategy(*spec, "updateStrategy", json::object{{"partition", 0}});
      default_claims(*spec);
    }
  } else if (spec && group == "batch") {
    if (kind == "Job") default_job(object, *spec);
    if (kind == "CronJob")
      if (json::value* job = json::find(*spec, "jobTemplate", "spec")) default_template_of(*job);
  } else if (spec && kind == "NetworkPolicy" && group == "networking.k8s.io") {
    json::array types{"Ingress"};
    if (!json::items(*spec, "egress").empty()) types.emplace_back("Egress");
    put(*spec, "policyTypes", std::move(types));
  } else if (spec && kind == "HorizontalPodAutoscaler") {
    default_metrics(*spec);
  } else if (spec && kind == "CustomResourceDefinition") {
    default_crd(*spec);
  }
}

void default_pod_template(json::value& pod_template) {
  static const SchemaPtr kSchema = builtin_type("core/v1.PodTemplateSpec");
  put(pod_template, "spec", json::object());
  canonicalize(pod_template, *kSchema);
  apply_defaults(pod_template, *kSchema);
  if (json::value* spec = json::find(pod_template, "spec")) default_pod_spec(*spec);
}

}  // namespace serin::kube
