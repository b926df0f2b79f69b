#include "apiserver/http/subresources.h"

#include <algorithm>

#include "apiserver/http/body.h"
#include "apiserver/http/call.h"
#include "base/strings.h"

namespace serin::apiserver {
namespace {

/// What discovery says of a subresource; an empty kind stands for the parent's.
struct Row {
  std::string_view name, group, version, kind;
  std::vector<std::string> verbs;
};

const std::vector<Row>& rows() {
  static const std::vector<std::string> kObject{"get", "patch", "update"};
  static const std::vector<Row> kRows = {{"approval", "", "", "", kObject},
                                         {"binding", "", "v1", "Binding", {"create"}},
                                         {"ephemeralcontainers", "", "", "", kObject},
                                         {"eviction", "policy", "v1", "Eviction", {"create"}},
                                         {"finalize", "", "", "", {"update"}},
                                         {"log", "", "", "", {"get"}},
                                         {"resize", "", "", "", kObject},
                                         {"scale", "autoscaling", "v1", "Scale", kObject},
                                         {"status", "", "", "", kObject},
                                         {"token", "authentication.k8s.io", "v1", "TokenRequest", {"create"}}};
  return kRows;
}

/// A Status that says that all went well, as actions without an object answer.
net::Response success(int code) {
  return json_response(code, json::dump(json::object{{"kind", "Status"}, {"apiVersion", "v1"}, {"metadata", json::object()},
                                                     {"status", "Success"}, {"code", code}}));
}

/// The body of an action on one object, which may say its name itself.
Result<json::value> read_action(const net::Request& request, std::string_view kind) {
  Body body = SERIN_TRY(read_body(request));
  std::string_view given = json::get_string(body.value, "kind");
  if (!body.value.is_object() || (!given.empty() && given != kind))
    return fail(Code::kBadRequest, concat("the body of the request must be one ", kind));
  return std::move(body.value);
}

}  // namespace

std::vector<Subresource> subresources(const ServedResource& served) {
  std::vector<Subresource> out;
  const kube::Resource& parent = served.resource();
  for (const Row& row : rows()) {
    if (!served.has_subresource(row.name)) continue;
    if (row.kind.empty()) out.push_back({std::string(row.name), parent.group, parent.version, parent.kind, row.verbs});
    else out.push_back({std::string(row.name), std::string(row.group), std::string(row.version), std::string(row.kind), row.verbs});
  }
  return out;
}

bool subresource_allows(std::string_view name, std::string_view verb) {
  if (name == "finalize" && verb == "get") return true;  // for those who look before they write
  for (const Row& row : rows())
    if (row.name == name) return std::find(row.verbs.begin(), row.verbs.end(), verb) != row.verbs.end();
  return true;
}

bool is_session_subresource(const kube::Resource& resource, std::string_view name) {
  if (!resource.group.empty()) return false;
  bool pod = resource.plural == "pods";
  if (name == "proxy") return pod || resource.plural == "services" || resource.plural == "nodes";
  return pod && (name == "exec" || name == "attach" || name == "portforward");
}

void ApiHandler::serve_eviction(const CallPtr& call) {
  auto eviction = read_action(call->request, "Eviction");
  if (!eviction) return call->fail(eviction.error());
  if (std::string_view name = json::get_string(*eviction, "metadata", "name"); name != call->info.name)
    return call->fail({Code::kBadRequest, "name in URL does not match name in Eviction object"});
  net::Request as_deletion = call->request;
  as_deletion.body.clear();
  if (const json::value* options = json::find(*eviction, "deleteOptions"); options && options->is_object()) {
    as_deletion.body = json::dump(*options);
    as_deletion.headers.set("Content-Type", "application/json");
  }
  auto options = read_delete_options(as_deletion);
  if (!options) return call->fail(options.error());
  rest_.evict(call->target(), *std::move(options), [call](Result<Outcome> outcome) {
    if (!outcome) return call->fail(outcome.error());
    call->send(success(201));
  });
}

void ApiHandler::serve_binding(const CallPtr& call) {
  auto options = read_write_options(call->request, call->manager());
  if (!options) return call->fail(options.error());
  auto binding = read_action(call->request, "Binding");
  if (!binding) return call->fail(binding.error());
  std::string name(json::get_string(*binding, "metadata", "name"));
  if (call->info.name.empty()) call->info.name = name;
  if (!name.empty() && name != call->info.name)
    return call->fail({Code::kBadRequest, "name in URL does not match name in Binding object"});
  Target target = call->target();
  target.resource = call->cluster->catalog()->find("", "v1", "pods");
  rest_.bind(std::move(target), *std::move(binding), *std::move(options), [call](Result<Outcome> outcome) {
    if (!outcome) return call->fail(outcome.error());
    call->send(success(201));
  });
}

}  // namespace serin::apiserver
