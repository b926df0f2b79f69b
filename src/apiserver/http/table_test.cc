// The columns of built-in kinds: kubectl's titles and texts.

#include "apiserver/http/table.h"

#include <gtest/gtest.h>

#include "base/strings.h"
#include "base/time.h"

namespace serin::apiserver {
namespace {

const TimePoint kNow = *parse_time("2026-01-01T01:00:00Z");

ServedPtr served(const char* group, const char* version, const char* plural) {
  ServedPtr found = Catalog::builtin()->find(group, version, plural);
  EXPECT_TRUE(found) << plural;
  return found;
}

std::string titles(const ServedResource& resource) {
  std::string out;
  json::value definitions = TableLayout(resource).definitions();
  for (const json::value& column : definitions.get_array())
    out += concat(out.empty() ? "" : "|", json::get_string(column, "name"), json::get_int(column, 0, "priority") > 0 ? "+" : "");
  return out;
}

std::string cells(const ServedResource& resource, const char* text) {
  std::string out;
  for (const json::value& cell : TableLayout(resource).cells(kube::Object(json::parse(text).value()), kNow))
    out += concat(out.empty() ? "" : "|", cell.is_string() ? std::string(json::as_string(&cell)) : json::dump(cell));
  return out;
}

TEST(Table, EveryBuiltInKindHasKubectlsColumns) {
  struct Row { const char *group, *version, *plural, *columns; };
  for (const Row& row : {
           Row{"", "v1", "pods", "Name|Ready|Status|Restarts|Age|IP+|Node+|Nominated Node+|Readiness Gates+"},
           Row{"", "v1", "events", "Last Seen|Type|Reason|Object|Subobject+|Source+|Message|First Seen+|Count+|Name+"},
           Row{"events.k8s.io", "v1", "events", "Last Seen|Type|Reason|Object|Subobject+|Source+|Message|First Seen+|Count+|Name+"},
           Row{"", "v1", "limitranges", "Name|Created At"},
           Row{"", "v1", "persistentvolumes", "Name|Capacity|Access Modes|Reclaim Policy|Status|Claim|StorageClass|VolumeAttributesClass|Reason|Age|VolumeMode+"},
           Row{"", "v1", "persistentvolumeclaims", "Name|Status|Volume|Capacity|Access Modes|StorageClass|VolumeAttributesClass|Age|VolumeMode+"},
           Row{"apps", "v1", "daemonsets", "Name|Desired|Current|Ready|Up-to-date|Available|Node Selector|Age|Containers+|Images+|Selector+"},
           Row{"apps", "v1", "statefulsets", "Name|Ready|Age|Containers+|Images+"},
           Row{"batch", "v1", "jobs", "Name|Status|Completions|Duration|Age|Containers+|Images+|Selector+"},
           Row{"batch", "v1", "cronjobs", "Name|Schedule|Timezone|Suspend|Active|Last Schedule|Age|Containers+|Images+|Selector+"},
           Row{"autoscaling", "v1", "horizontalpodautoscalers", "Name|Reference|Targets|MinPods|MaxPods|Replicas|Age"},
           Row{"networking.k8s.io", "v1", "ingresses", "Name|Class|Hosts|Address|Ports|Age"},
           Row{"rbac.authorization.k8s.io", "v1", "rolebindings", "Name|Role|Age|Users+|Groups+|ServiceAccounts+"},
           Row{"rbac.authorization.k8s.io", "v1", "clusterroles", "Name|Created At"},
           Row{"certificates.k8s.io", "v1", "certificatesigningrequests", "Name|Age|SignerName|Requestor|RequestedDuration|Condition"},
           Row{"admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations", "Name|Webhooks|Age"}})
    EXPECT_EQ(titles(*served(row.group, row.version, row.plural)), row.columns);
  CatalogPtr catalog = Catalog::builtin();
  for (const ServedPtr& resource : catalog->all()) EXPECT_GE(TableLayout(*resource).cells(kube::Object(), kNow).size(), 2u);
}

TEST(Table, CellsReadAsKubectlShowsThem) {
  struct Row { const char *group, *version, *plural, *object, *cells; };
  for (const Row& row : {
           Row{"", "v1", "pods", R"({"metadata":{"name":"p","creationTimestamp":"2026-01-01T00:00:00Z"},"spec":{"containers":[{"name":"a"}],
               "initContainers":[{"name":"i"},{"name":"s","restartPolicy":"Always"}]},"status":{"phase":"Pending","initContainerStatuses":[
               {"name":"i","state":{"terminated":{"exitCode":0}}},{"name":"s","ready":true,"started":true,"restartCount":2,"state":{"running":{}}}],
               "containerStatuses":[{"name":"a","restartCount":1,"lastState":{"terminated":{"finishedAt":"2026-01-01T00:59:00Z"}},
               "state":{"waiting":{"reason":"CrashLoopBackOff"}}}]}})",
               "p|1/2|CrashLoopBackOff|3 (60s ago)|60m|<none>|<none>|<none>|<none>"},
           Row{"", "v1", "pods", R"({"metadata":{"name":"p"},"spec":{"containers":[{}],"initContainers":[{"name":"i"}]},"status":{"phase":"Pending",
               "initContainerStatuses":[{"name":"i","state":{"terminated":{"exitCode":3}}}]}})",
               "p|0/1|Init:ExitCode:3|0|<unknown>|<none>|<none>|<none>|<none>"},
           Row{"", "v1", "services", R"({"metadata":{"name":"s"},"spec":{"type":"LoadBalancer","clusterIP":"10.0.0.1","externalIPs":["9.9.9.9"],
               "ports":[{"port":80,"nodePort":30000,"protocol":"TCP"},{"port":53,"protocol":"UDP"}]},"status":{"loadBalancer":{"ingress":[{"ip":"1.2.3.4"}]}}})",
               "s|LoadBalancer|10.0.0.1|1.2.3.4,9.9.9.9|80:30000/TCP,53/UDP|<unknown>|<none>"},
           Row{"", "v1", "endpoints", R"({"metadata":{"name":"e"},"subsets":[{"addresses":[{"ip":"1.1.1.1"},{"ip":"1.1.1.2"}],"ports":[{"port":80},{"port":443}]}]})",
               "e|1.1.1.1:80,1.1.1.2:80,1.1.1.1:443 + 1 more...|<unknown>"},
           Row{"batch", "v1", "jobs", R"({"metadata":{"name":"j"},"spec":{"parallelism":3},"status":{"succeeded":1,"startTime":"2026-01-01T00:59:30Z"}})",
               "j|Running|1/1 of 3|30s|<unknown>|||<none>"},
           Row{"autoscaling", "v2", "horizontalpodautoscalers", R"({"metadata":{"name":"h"},"spec":{"scaleTargetRef":{"kind":"Deployment","name":"d"},"maxReplicas":3,
               "metrics":[{"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":80}}}]}})",
               "h|Deployment/d|cpu: <unknown>/80%|<unset>|3|0|<unknown>"},
           Row{"apps", "v1", "controllerrevisions", R"({"metadata":{"name":"r","ownerReferences":[{"apiVersion":"apps/v1","kind":"StatefulSet","name":"w","controller":true}]},"revision":4})",
               "r|statefulset.apps/w|4|<unknown>"},
           Row{"storage.k8s.io", "v1", "storageclasses", R"({"metadata":{"name":"s","annotations":{"storageclass.kubernetes.io/is-default-class":"true"}},"provisioner":"p"})",
               "s (default)|p|Delete|<unset>|false|<unknown>"},
           Row{"rbac.authorization.k8s.io", "v1", "rolebindings", R"({"metadata":{"name":"b"},"roleRef":{"kind":"ClusterRole","name":"r"},"subjects":[
               {"kind":"ServiceAccount","name":"a","namespace":"n"},{"kind":"User","name":"u"},{"kind":"User","name":"v"}]})",
               "b|ClusterRole/r|<unknown>|u, v||n/a"},
           Row{"policy", "v1", "poddisruptionbudgets", R"({"metadata":{"name":"b"},"spec":{"minAvailable":"50%"},"status":{"disruptionsAllowed":2}})", "b|50%|N/A|2|<unknown>"},
           Row{"certificates.k8s.io", "v1", "certificatesigningrequests", R"({"metadata":{"name":"c"},"spec":{"signerName":"s","username":"u","expirationSeconds":86400},
               "status":{"certificate":"eA==","conditions":[{"type":"Approved"}]}})", "c|<unknown>|s|u|24h|Approved,Issued"}})
    EXPECT_EQ(cells(*served(row.group, row.version, row.plural), row.object), row.cells);
}

}  // namespace
}  // namespace serin::apiserver
