#include "cluster/namespace_defaults.h"

#include "client/write.h"
#include "kube/resources.h"

namespace serin::cluster {

using kube::Object;

namespace {

constexpr char kRootCaDescription[] =
    "The certificate authority of this cluster's API server, for clients inside it. Kept by the cluster: a change is undone.";

}  // namespace

NamespaceDefaultsReconciler::NamespaceDefaultsReconciler(client::CachedClient& client, std::string ca_pem)
    : client_(client), ca_pem_(std::move(ca_pem)) {}

Result<void> NamespaceDefaultsReconciler::ensure(const client::Resource& resource, const Object& wanted) {
  Result<Object> present = client_.get(resource, wanted.key());
  if (failed_with(present, Code::kNotFound)) {
    Result<Object> created = client_.create(resource, wanted);
    if (!created && created.error().code != Code::kAlreadyExists && !client::namespace_terminating(created.error()))
      return fail(created.error());
    return {};
  }
  if (!present) return fail(present.error());
  const json::value* data = json::find(wanted.doc(), "data");
  const json::value* live = json::find(present->doc(), "data");
  if (!data || (live && *live == *data)) return {};
  SERIN_TRY(execute(client_, client::merge_patch(resource, wanted.key(), json::object{{"data", *data}}, "data")));
  return {};
}

Result<client::Again> NamespaceDefaultsReconciler::reconcile(const client::Key& key) {
  Result<Object> space = client_.get(kube::kNamespaces, key.name);
  if (failed_with(space, Code::kNotFound)) return client::Again{};
  if (!space) return fail(space.error());
  if (space->deleting()) return client::Again{};
  const std::string& ns = key.name.name;
  // The certificate first: pods come with the account, and mount it.
  if (!ca_pem_.empty())
    SERIN_TRY(ensure(kube::kConfigMaps,
                     Object(json::object{{"apiVersion", "v1"},
                                         {"kind", "ConfigMap"},
                                         {"metadata", json::object{{"namespace", ns},
                                                               {"name", kRootCaConfigMap},
                                                               {"annotations", json::object{{"kubernetes.io/description",
                                                                                             kRootCaDescription}}}}},
                                         {"data", json::object{{"ca.crt", ca_pem_}}}})));
  SERIN_TRY(ensure(kube::kServiceAccounts,
                   Object(json::object{{"apiVersion", "v1"},
                                       {"kind", "ServiceAccount"},
                                       {"metadata", json::object{{"namespace", ns}, {"name", kDefaultServiceAccount}}}})));
  return client::Again{};
}

client::MapFunction namespace_of(std::string_view name, std::string cluster) {
  return [name = std::string(name), cluster = std::move(cluster)](const Object* old, const Object* now) {
    const Object& object = *(now ? now : old);
    if (object.name() != name) return std::vector<client::Key>{};
    return std::vector<client::Key>{{cluster, {"", std::string(object.ns())}}};
  };
}

}  // namespace serin::cluster
