#include "mesh/sync/sync_planner.h"

#include <algorithm>

#include "base/strings.h"
#include "kube/resources.h"

namespace serin::mesh {
namespace {

using kube::Object;

bool is_copy(const Object& hosted) {
  return !hosted.label(kOriginClusterLabel).empty() || !hosted.label(kSyncedFromLabel).empty();
}

/// Annotations that speak of the work cluster's own tools and would mislead in the hosted mesh.
bool travels(std::string_view annotation) {
  return annotation != "kubectl.kubernetes.io/last-applied-configuration" &&
         annotation != "argocd.argoproj.io/tracking-id";
}

Object make_copy(const Object& original, const std::string& cluster) {
  json::object labels, annotations;
  if (const json::object* members = json::find_object(original.doc(), "metadata", "labels")) labels = *members;
  labels[kOriginClusterLabel] = cluster;
  labels[kSyncedFromLabel] = kSyncedFromWorkCluster;
  if (const json::object* members = json::find_object(original.doc(), "metadata", "annotations"))
    for (const auto& [name, value] : *members)
      if (travels(name)) annotations[name] = value;
  annotations[kOriginGenerationAnnotation] = std::to_string(original.generation());
  json::object copy{{"apiVersion", original.api_version()},
                    {"kind", original.kind()},
                    {"metadata", json::object{{"name", original.name()},
                                              {"namespace", original.ns()},
                                              {"labels", std::move(labels)},
                                              {"annotations", std::move(annotations)}}}};
  if (const json::value* spec = json::find(original.doc(), "spec")) copy["spec"] = *spec;
  return Object(json::value(std::move(copy)));
}

bool same(const json::value* a, const json::value* b) {
  static const json::value kNone;
  return (a ? *a : kNone) == (b ? *b : kNone);
}

bool carries(const Object& hosted, const Object& copy) {
  return same(json::find(hosted.doc(), "spec"), json::find(copy.doc(), "spec")) &&
         same(json::find(hosted.doc(), "metadata", "labels"), json::find(copy.doc(), "metadata", "labels")) &&
         same(json::find(hosted.doc(), "metadata", "annotations"), json::find(copy.doc(), "metadata", "annotations"));
}

/// The first synchronised cluster that has the object; empty: none.
std::string winner_of(const SyncObserved& observed) {
  for (const std::string& cluster : observed.mesh.synchronise) {
    auto found = observed.in_clusters.find(cluster);
    if (found != observed.in_clusters.end() && !found->second.deleting()) return cluster;
  }
  return "";
}

struct Verdict {
  std::string status, reason, message;
};

/// The status a work cluster's object should have. `hosted` is its copy, where it is in force.
json::value status_for(const Object& object, const Verdict& in_force, const Object* hosted,
                                      TimePoint now) {
  const json::value* old = json::find(object.doc(), "status");
  json::value status = old ? *old : json::value(json::object());
  json::ensure_object(status, {});
  kube::set_condition(status, "InForce", in_force.status, in_force.reason, in_force.message, now);
  if (!hosted) {
    // Nobody confirms an object that is not in force.
    json::erase(status, {"observedGeneration"});
    if (json::value* list = json::find(status, "conditions"); list && list->is_array()) {
      json::array kept;
      for (json::value& condition : list->get_array())
        if (json::get_string(condition, "type") != "Reconciled") kept.push_back(condition);
      *list = std::move(kept);
    }
    return status;
  }
  const json::value* confirmed = kube::find_condition(*hosted, "Reconciled");
  auto origin = parse_int<int64_t>(hosted->annotation(kOriginGenerationAnnotation));
  bool current = json::get_int(hosted->doc(), -1, "status", "observedGeneration") == hosted->generation();
  if (confirmed && origin && current) {
    json::set(status, {"observedGeneration"}, *origin);
    kube::set_condition(status, "Reconciled", json::get_string(*confirmed, "status"),
                        json::get_string(*confirmed, "reason"), json::get_string(*confirmed, "message"), now);
  } else if (!kube::find_condition(object, "Reconciled")) {
    // Without the condition readers would take it that nobody ever confirms, and trust every write.
    kube::set_condition(status, "Reconciled", "False", "Pending", "nothing is known of its proxies yet", now);
  }
  return status;
}

void write_status(SyncDecision& decision, const SyncObserved& observed, const std::string& cluster,
                  const Object& object, json::value status) {
  if (same(json::find(object.doc(), "status"), &status)) return;
  json::value patch = std::move(status);
  // A merge patch removes only what it names.
  if (json::find(object.doc(), "status", "observedGeneration") && !json::find(patch, "observedGeneration"))
    json::set(patch, {"observedGeneration"}, nullptr);
  decision.clusters[cluster].push_back(
      client::patch_status(observed.resource, observed.name, std::move(patch), "say what is in force"));
}

void remove_our_status(SyncDecision& decision, const SyncObserved& observed, const std::string& cluster,
                       const Object& object) {
  if (!kube::find_condition(object, "InForce") && !kube::find_condition(object, "Reconciled")) return;
  json::array kept;
  for (const json::value& condition : json::items(object.doc(), "status", "conditions")) {
    std::string_view type = json::get_string(condition, "type");
    if (type != "InForce" && type != "Reconciled") kept.push_back(condition);
  }
  decision.clusters[cluster].push_back(
      client::patch_status(observed.resource, observed.name,
                           json::object{{"conditions", std::move(kept)}, {"observedGeneration", nullptr}},
                           "no longer synchronised"));
}

}  // namespace

SyncDecision plan(const SyncObserved& observed, TimePoint now) {
  SyncDecision decision;
  bool hosted_own = observed.hosted && !is_copy(*observed.hosted);
  std::string winner = hosted_own ? "" : winner_of(observed);

  if (!hosted_own && !winner.empty()) {
    Object copy = make_copy(observed.in_clusters.at(winner), winner);
    if (!observed.hosted) {
      if (!observed.hosted_namespace)
        decision.hosted.push_back(client::create(
            kube::kNamespaces,
            Object(json::object{{"apiVersion", "v1"},
                                {"kind", "Namespace"},
                                {"metadata", json::object{{"name", observed.name.ns}}}}),
            "namespace of a copied object"));
      decision.hosted.push_back(client::create(observed.resource, copy, concat("copy from ", winner)));
    } else if (!observed.hosted->deleting() && !carries(*observed.hosted, copy)) {
      Object next = observed.hosted->edit([&](json::value& doc) {
        for (const char* field : {"labels", "annotations"})
          json::set(doc, {"metadata", field}, *json::find(copy.doc(), "metadata", field));
        if (const json::value* spec = json::find(copy.doc(), "spec")) json::set(doc, {"spec"}, *spec);
        else json::erase(doc, {"spec"});
      });
      decision.hosted.push_back(client::update(observed.resource, std::move(next), concat("copy from ", winner)));
    }
  } else if (observed.hosted && !hosted_own && !observed.hosted->deleting()) {
    std::string origin(observed.hosted->label(kOriginClusterLabel));
    bool still = std::find(observed.mesh.synchronise.begin(), observed.mesh.synchronise.end(), origin) !=
                 observed.mesh.synchronise.end();
    if (still || observed.mesh.auto_remove) {
      client::DeleteOptions options;
      options.uid = std::string(observed.hosted->uid());
      decision.hosted.push_back(client::remove(observed.resource, observed.name, "its original is gone", options));
    }
  }

  for (const auto& [cluster, object] : observed.in_clusters) {
    if (object.deleting()) continue;
    const auto& list = observed.mesh.synchronise;
    if (std::find(list.begin(), list.end(), cluster) == list.end()) {
      remove_our_status(decision, observed, cluster, object);
    } else if (hosted_own) {
      write_status(decision, observed, cluster, object,
                   status_for(object, {"False", "HostedObjectExists", "the hosted mesh has an object of this name"},
                              nullptr, now));
    } else if (cluster == winner) {
      if (!observed.hosted) continue;  // nothing to confirm until the copy stands
      Verdict verdict{"True", "Copied", "this object is the one in force"};
      write_status(decision, observed, cluster, object, status_for(object, verdict, &*observed.hosted, now));
    } else {
      write_status(decision, observed, cluster, object,
                   status_for(object, {"False", "OtherClusterFirst", concat("the copy of ", winner, " is in force")},
                              nullptr, now));
    }
  }
  return decision;
}

}  // namespace serin::mesh
