#include "apiserver/admission/service_account_admission.h"

#include <algorithm>

#include "apiserver/rest/metadata.h"
#include "base/strings.h"

namespace serin::apiserver {
namespace {

constexpr const char* kDefaultAccount = "default";
constexpr const char* kMirrorPod = "kubernetes.io/config.mirror";
/// An hour, and as many seconds more as tell these tokens from others.
constexpr int64_t kTokenSeconds = 3607;
constexpr int64_t kFileMode = 0644;
constexpr size_t kSuffix = 5;

/// The pod's word, else the account's, else yes.
bool wants_token(const json::value& pod, const json::value& account) {
  bool of_account = json::get_bool(account, true, "automountServiceAccountToken");
  return json::get_bool(pod, of_account, "spec", "automountServiceAccountToken");
}

json::array& array_at(json::value& parent, std::string_view member) {
  json::value& value = parent.get_object()[member];
  if (!value.is_array()) value = json::array();
  return value.get_array();
}

json::object token_volume(const std::string& name) {
  json::object token{{"serviceAccountToken", json::object{{"expirationSeconds", kTokenSeconds}, {"path", "token"}}}};
  json::object ca{{"configMap", json::object{{"name", "kube-root-ca.crt"},
                                             {"items", json::array{json::object{{"key", "ca.crt"}, {"path", "ca.crt"}}}}}}};
  json::object field{{"apiVersion", "v1"}, {"fieldPath", "metadata.namespace"}};
  json::object ns{{"downwardAPI", json::object{{"items", json::array{json::object{{"path", "namespace"}, {"fieldRef", field}}}}}}};
  return {{"name", name},
          {"projected", json::object{{"defaultMode", kFileMode}, {"sources", json::array{token, ca, ns}}}}};
}

}  // namespace

void mount_service_account_token(json::value& pod, const std::string& volume) {
  json::value& spec = pod.get_object()["spec"];
  std::string name = volume;
  bool present = false;
  for (const json::value& known : json::items(spec, "volumes")) {
    if (!json::get_string(known, "name").starts_with(kTokenVolumePrefix)) continue;
    name = json::get_string(known, "name");
    present = true;
    break;
  }
  bool mounted = false;
  for (auto list : {"initContainers", "containers"}) {
    if (json::items(spec, list).empty()) continue;
    for (json::value& container : array_at(spec, list)) {
      if (!container.is_object()) continue;
      const json::array& mounts = json::items(container, "volumeMounts");
      bool own = std::any_of(mounts.begin(), mounts.end(),
                             [](const json::value& mount) { return json::get_string(mount, "mountPath") == kTokenMountPath; });
      if (own) continue;
      array_at(container, "volumeMounts").push_back(json::object{{"mountPath", kTokenMountPath}, {"name", name}, {"readOnly", true}});
      mounted = true;
    }
  }
  if (mounted && !present) array_at(spec, "volumes").push_back(token_volume(name));
}

Operation make_default_account(const ServedResource& accounts, const std::string& cluster, const std::string& ns, Random& random, TimePoint now) {
  json::value account = json::object{{"apiVersion", "v1"}, {"kind", "ServiceAccount"},
                                     {"metadata", json::object{{"name", kDefaultAccount}, {"namespace", ns}}}};
  complete_new_metadata(account, accounts, random, now);
  Operation op;
  op.collection = accounts.collection(cluster);
  op.name = {ns, kDefaultAccount};
  op.bytes = accounts.stored(account);
  return op;
}

Result<void> ServiceAccountAdmission::admit(AdmissionRequest& request) {
  if (request.verb != AdmissionRequest::Verb::kCreate || request.resource.plural != "pods" || !request.resource.group.empty() ||
      !request.subresource.empty())
    return {};
  json::value& pod = request.object;
  if (json::find_object(pod, "spec") == nullptr || json::find(pod, "metadata", "annotations", kMirrorPod)) return {};
  json::value& spec = pod.get_object()["spec"];
  std::string ns(json::get_string(pod, "metadata", "namespace")), name(json::get_string(spec, "serviceAccountName"));
  if (name.empty()) {
    name = kDefaultAccount;
    for (auto member : {"serviceAccountName", "serviceAccount"}) json::set(spec, {member}, json::value(name));
  }
  EntryPtr entry = store_.get({request.cluster, "serviceaccounts"}, {ns, name});
  if (!entry)
    return fail(Code::kForbidden,
                concat("pods \"", json::get_string(pod, "metadata", "name"), "\" is forbidden: error looking up service account ", ns,
                       '/', name, ": serviceaccount \"", name, "\" not found"));
  json::value account = SERIN_TRY(json::parse(entry->bytes));
  if (wants_token(pod, account)) mount_service_account_token(pod, concat(kTokenVolumePrefix, random_.suffix(kSuffix)));
  if (const json::array& secrets = json::items(account, "imagePullSecrets"); !secrets.empty() && json::items(spec, "imagePullSecrets").empty())
    json::set(spec, {"imagePullSecrets"}, json::value(secrets));
  return {};
}

}  // namespace serin::apiserver
