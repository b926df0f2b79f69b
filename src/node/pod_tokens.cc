#include "node/pod_tokens.h"

#include "base/strings.h"
#include "base/time.h"
#include "kube/resources.h"

namespace serin::node {
namespace {

constexpr int64_t kDefaultSeconds = 3600;

json::object token_request(const kube::Object& pod, const json::value& source, std::string_view account) {
  json::object spec{{"expirationSeconds", json::get_int(source, kDefaultSeconds, "expirationSeconds")},
                    {"boundObjectRef", json::object{{"apiVersion", "v1"}, {"kind", "Pod"}, {"name", pod.name()}, {"uid", pod.uid()}}}};
  if (std::string_view audience = json::get_string(source, "audience"); !audience.empty())
    spec["audiences"] = json::array{json::value(audience)};
  return {{"apiVersion", "authentication.k8s.io/v1"}, {"kind", "TokenRequest"},
          {"metadata", json::object{{"name", account}, {"namespace", pod.ns()}}}, {"spec", std::move(spec)}};
}

}  // namespace

Result<std::string> PodTokens::request(const kube::Object& pod, const json::value& source) {
  std::string_view account = json::get_string(pod.doc(), "spec", "serviceAccountName");
  if (account.empty()) account = "default";
  TimePoint asked = clock_.now();
  client::WriteOptions options;
  options.subresource = "token";
  kube::Object answer = SERIN_TRY(client_.create(kube::kServiceAccounts, kube::Object(token_request(pod, source, account)), options));
  std::string token(json::get_string(answer.doc(), "status", "token"));
  auto end = parse_time(json::get_string(answer.doc(), "status", "expirationTimestamp"));
  if (token.empty() || !end) return fail(Code::kInternal, concat("the API server gave no token for ServiceAccount ", account));
  TimePoint renewal = asked + (*end - asked) / 5 * 4;
  std::lock_guard lock(mutex_);
  Due& due = due_[pod.key()];
  if (due.uid != pod.uid() || due.at <= asked || renewal < due.at) due = {std::string(pod.uid()), renewal};
  return token;
}

TimePoint PodTokens::due(const kube::Object& pod) const {
  std::lock_guard lock(mutex_);
  auto found = due_.find(pod.key());
  return found != due_.end() && found->second.uid == pod.uid() ? found->second.at : clock_.now();
}

void PodTokens::forget(const kube::NamespacedName& pod) {
  std::lock_guard lock(mutex_);
  due_.erase(pod);
}

bool PodTokens::wanted(const kube::Object& pod) {
  for (const json::value& volume : json::items(pod.doc(), "spec", "volumes"))
    for (const json::value& source : json::items(volume, "projected", "sources"))
      if (json::find_object(source, "serviceAccountToken") != nullptr) return true;
  return false;
}

}  // namespace serin::node
