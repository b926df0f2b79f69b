// The verbs over HTTP.

#include <algorithm>
#include <set>

#include "apiserver/http/body.h"
#include "apiserver/http/call.h"
#include "apiserver/http/list_stream.h"
#include "apiserver/http/subresources.h"
#include "apiserver/rest/list_options.h"
#include "base/strings.h"
#include "base/time.h"
#include "data/json_strings.h"

namespace serin::apiserver {
namespace {

void add_warning(net::Response& response, std::string_view text) {
  std::string quoted;
  for (char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c == '\n' || c == '\r' ? ' ' : c;
  }
  response.headers.add("Warning", concat("299 - \"", quoted, '"'));
}

ReadOptions read_options(const net::Request& request) {
  ReadOptions options;
  options.label_selector = request.parameter("labelSelector");
  options.field_selector = request.parameter("fieldSelector");
  options.resource_version = request.parameter("resourceVersion");
  options.resource_version_match = request.parameter("resourceVersionMatch");
  options.limit = parse_int<int64_t>(request.parameter("limit")).value_or(0);
  options.continue_token = request.parameter("continue");
  return options;
}

Error forbidden_parameter(const char* field, std::string_view why) {
  return invalid_list_option(field, "FieldValueForbidden", concat("Forbidden: ", why));
}

/// What metrics count a request to a served resource under.
RequestLabels labels_of(const RequestInfo& info) {
  constexpr std::pair<std::string_view, std::string_view> kMethods[] = {{"create", "POST"}, {"update", "PUT"}};
  std::string verb = info.verb;
  std::transform(verb.begin(), verb.end(), verb.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  for (const auto& [name, method] : kMethods)
    if (info.verb == name) verb = method;
  const char* scope = !info.name.empty() ? "resource" : !info.ns.empty() ? "namespace" : "cluster";
  return {std::move(verb), info.group, info.version, info.plural, info.subresource, scope};
}

/// 415 with the patches a resource takes, in the message and in Accept-Patch (RFC 5789).
net::Response unsupported_patch(const RequestInfo& info, bool custom) {
  std::string accepted = concat("application/json-patch+json, application/merge-patch+json, ",
                                custom ? "" : "application/strategic-merge-patch+json, ", "application/apply-patch+yaml");
  Error error{Code::kUnsupportedMediaType,
              concat("the body of the request was in an unknown format - accepted media types include: ", accepted), {}, {}, false};
  net::Response response = error_response(error, info);
  response.headers.set("Accept-Patch", accepted);
  return response;
}

/// Who asks for a certificate is who is logged in, whatever the body says.
void name_requestor(json::value& request, const User& user) {
  json::object& spec = json::ensure_object(request, {"spec"});
  for (auto member : {"uid", "extra"}) spec.erase(member);
  spec["username"] = user.name;
  spec["groups"] = json::from_strings(user.groups);
  if (!user.uid.empty()) spec["uid"] = user.uid;
  if (user.extra.empty()) return;
  json::object extra;
  for (const auto& [key, values] : user.extra) extra[key] = json::from_strings(values);
  spec["extra"] = std::move(extra);
}

/// The kinds whose deletion is answered with the object as it was; all others answer with a Status.
bool answers_with_deleted(const ServedResource& served) {
  if (!served.crd.empty()) return false;
  const std::string& kind = served.resource().kind;
  if (served.resource().group == "storage.k8s.io") return kind == "StorageClass";
  if (!served.resource().group.empty()) return false;
  for (std::string_view one : {"Pod", "PodTemplate", "PersistentVolume", "PersistentVolumeClaim", "ResourceQuota", "Service", "ServiceAccount"})
    if (kind == one) return true;
  return false;
}

/// Warning headers (RFC 9111) of an answer: each text once; where all are too much for a header, each is cut short.
void add_warnings(net::Response& response, const std::vector<std::string>& texts) {
  constexpr size_t kMaxTotal = 4 << 10, kCut = 256;
  size_t total = 0;
  for (const std::string& text : texts) total += text.size();
  std::set<std::string_view> seen;
  size_t sent = 0;
  for (const std::string& text : texts) {
    if (!seen.insert(text).second) continue;
    std::string_view shown = total > kMaxTotal ? std::string_view(text).substr(0, kCut) : text;
    if ((sent += shown.size()) > kMaxTotal) return;
    add_warning(response, shown);
  }
}

}  // namespace

void ApiHandler::serve_resource(const CallPtr& call) {
  RequestInfo& info = call->info;
  CatalogPtr catalog = call->cluster->catalog();
  call->resource = catalog->find(info.group, info.version, info.plural);
  bool placed = call->resource && (call->resource->resource().namespaced || info.ns.empty());
  if (placed && is_session_subresource(call->resource->resource(), info.subresource))
    return call->fail({Code::kMethodNotAllowed, concat(info.subresource, " is not available on this server yet")});
  if (!placed || !call->resource->has_subresource(info.subresource))
    return call->fail({Code::kNotFound, "the server could not find the requested resource"});
  call->responder = metrics_->watch(std::move(call->responder), labels_of(info));
  auto as = negotiate(call->request.headers.get("Accept"), call->request.parameter("includeObject"),
                      !call->resource->info.custom);
  if (!as) return call->fail(as.error());
  call->as = *std::move(as);
  const auto& verbs = call->resource->info.verbs;
  bool known = std::find(verbs.begin(), verbs.end(), info.verb) != verbs.end();
  bool needs_namespace = call->resource->resource().namespaced && info.ns.empty();
  bool needs_name = info.verb == "update" || info.verb == "patch";
  if (!known || (needs_name && info.name.empty()) || (needs_namespace && info.verb != "list" && info.verb != "watch" && info.verb != "deletecollection"))
    return call->fail({Code::kMethodNotAllowed, "the server does not allow this method on the requested resource"});
  if (!info.subresource.empty() && !subresource_allows(info.subresource, info.verb))
    return call->fail({Code::kMethodNotAllowed, "the server does not allow this method on the requested resource"});
  if (info.group == "authorization.k8s.io" || info.group == "authentication.k8s.io") return serve_review(*call);
  if (info.subresource == "log") return serve_log(*call);
  if (info.subresource == "token") return serve_token(*call);
  if (info.subresource == "eviction") return serve_eviction(call);
  if (info.subresource == "binding" || call->resource->resource().kind == "Binding") return serve_binding(call);
  if (info.verb == "get") return serve_get(*call);
  if (info.verb == "list") return serve_list(*call);
  if (info.verb == "watch") return serve_watch(*call);
  if (info.verb == "create") return serve_create(call);
  if (info.verb == "update") return serve_update(call);
  if (info.verb == "patch") return serve_patch(call);
  if (info.verb == "delete") return serve_delete(call);
  serve_delete_collection(call);
}

void ApiHandler::serve_get(Call& call) {
  Target target = call.target();
  auto entry = rest_.get(target, call.request.parameter("resourceVersion"));
  if (!entry) return call.fail(entry.error());
  ObjectWriter writer(rest_, target, call.as);
  net::Response response;
  if (call.info.subresource == "scale") {
    auto scale = rest_.scale_of(target, rest_.object(target, *entry));
    if (!scale) return call.fail(scale.error());
    response = json_response(200, json::dump(scale->doc()));
  } else {
    auto body = writer.object(*entry, (*entry)->revision);
    if (!body) return call.fail(body.error());
    response = json_response(200, *std::move(body));
    response.headers.set("Content-Type", call.as.content_type());
  }
  if (!call.resource->deprecation.empty()) add_warning(response, call.resource->deprecation);
  call.send(std::move(response));
}

void ApiHandler::serve_list(Call& call) {
  if (call.request.has_parameter("sendInitialEvents"))
    return call.fail(forbidden_parameter("sendInitialEvents", "sendInitialEvents is forbidden for list"));
  Target target = call.target();
  ReadOptions options = read_options(call.request);
  auto page = rest_.list(target, options);
  if (failed_with(page, Code::kExpired) && !options.continue_token.empty()) {
    json::value status = status_of(page.error(), call.info);
    json::set(status, {"metadata", "continue"}, json::value(inconsistent_token(options.continue_token)));
    return call.send(json_response(410, json::dump(status)));
  }
  if (!page) return call.fail(page.error());
  bool long_list = !target.resource->conversion && is_long_list(call.request, call.as, *page);
  auto body = long_list ? Result<std::string>("") : ObjectWriter(rest_, target, call.as).list(*page);
  if (!body) return call.fail(body.error());
  net::Response response = json_response(200, *std::move(body));
  response.headers.set("Content-Type", call.as.content_type());
  if (!call.resource->deprecation.empty()) add_warning(response, call.resource->deprecation);
  if (long_list)
    return send_long_list(rest_, target, *std::move(page), std::move(response), std::exchange(call.responder, nullptr));
  call.send(std::move(response));
}

void ApiHandler::serve_watch(Call& call) {
  const net::Request& request = call.request;
  WatchRequest watch{call.target(), call.as, {}, is_set(request, "allowWatchBookmarks"), false, {}};
  if (watch.as.encoding == Representation::Encoding::kYaml) watch.as.encoding = Representation::Encoding::kJson;
  watch.options.label_selector = request.parameter("labelSelector");
  watch.options.field_selector = request.parameter("fieldSelector");
  // A watch of one name is a selection.
  if (!call.info.name.empty()) {
    if (!watch.options.field_selector.empty()) watch.options.field_selector += ",";
    watch.options.field_selector += "metadata.name=" + call.info.name;
    watch.target.name.name.clear();
  }
  std::string match = request.parameter("resourceVersionMatch"), version = request.parameter("resourceVersion");
  bool initial = is_set(request, "sendInitialEvents");
  if (!request.has_parameter("sendInitialEvents") && !match.empty())
    return call.fail(forbidden_parameter("resourceVersionMatch", "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"));
  if (request.has_parameter("sendInitialEvents") && match != "NotOlderThan")
    return call.fail(forbidden_parameter("resourceVersionMatch", "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"));
  watch.initial_bookmark = initial && watch.bookmarks;
  auto number = version.empty() ? std::optional<Revision>(0) : parse_int<Revision>(version);
  if (!number) return call.fail({Code::kBadRequest, concat("invalid resource version \"", version, '"')});
  if (initial && *number > rest_.store().revision()) {
    Error error{Code::kTimeout, concat("Too large resource version: ", version, ", current: ", rest_.store().revision()),
                {{"ResourceVersionTooLarge", "Too large resource version", ""}}};
    error.retry_after = std::chrono::seconds(1);
    return call.fail(error);
  }
  bool from_now = request.has_parameter("sendInitialEvents") && !initial && *number == 0;
  if (from_now) watch.options.from = rest_.store().revision();
  else if (!initial && *number != 0) watch.options.from = *number;
  // Between 30 and 60 minutes, so that watches do not all end at once.
  auto seconds = parse_int<int64_t>(request.parameter("timeoutSeconds")).value_or(0);
  if (seconds <= 0) seconds = 1800 + int64_t(options_.random->next() % 1800);
  watch.timeout = std::chrono::seconds(seconds);
  pump_.start(std::move(watch), std::exchange(call.responder, nullptr), call.info);
}

Result<void> ApiHandler::judge_duplicates(const std::vector<std::string>& duplicates, const std::string& validation,
                                          std::vector<std::string>& warnings) const {
  if (duplicates.empty() || validation == "Ignore") return {};
  if (validation == "Strict") return fail(Code::kBadRequest, "strict decoding error: " + join(duplicates, ", "));
  warnings.insert(warnings.end(), duplicates.begin(), duplicates.end());
  return {};
}

Done ApiHandler::answer(CallPtr call, std::vector<std::string> warnings) {
  return [self = shared_from_this(), call = std::move(call), warnings = std::move(warnings)](Result<Outcome> outcome) {
    if (!outcome) return call->fail(outcome.error());
    net::Response response;
    bool deletion = call->info.verb == "delete";
    if (deletion && outcome->removed && !answers_with_deleted(*call->resource)) {
      response = json_response(200, json::dump(deleted_status(call->info, outcome->object.uid())));
    } else {
      int status = outcome->created && !deletion ? 201 : 200;
      Representation as = call->info.subresource == "scale" ? Representation{} : call->as;
      ObjectWriter writer(self->rest_, call->target(), as);
      auto body = outcome->entry ? writer.object(outcome->entry, outcome->entry->revision) : writer.object(outcome->object);
      if (!body) return call->fail(body.error());
      response = json_response(status, *std::move(body));
      response.headers.set("Content-Type", as.content_type());
    }
    std::vector<std::string> all = warnings;
    all.insert(all.end(), outcome->warnings.begin(), outcome->warnings.end());
    if (!call->resource->deprecation.empty()) all.push_back(call->resource->deprecation);
    add_warnings(response, all);
    call->send(std::move(response));
  };
}

void ApiHandler::serve_create(const CallPtr& call) {
  if (!call->info.name.empty())
    return call->fail({Code::kMethodNotAllowed, "the server does not allow this method on the requested resource"});
  auto options = read_write_options(call->request, call->manager());
  if (!options) return call->fail(options.error());
  auto body = read_body(call->request);
  if (!body) return call->fail(body.error());
  std::vector<std::string> warnings;
  if (auto judged = judge_duplicates(body->duplicates, options->field_validation, warnings); !judged) return call->fail(judged.error());
  call->info.name = json::get_string(body->value, "metadata", "name");  // for messages
  if (call->info.group == "certificates.k8s.io") name_requestor(body->value, *call->user);
  call->record->name = call->info.name;
  Target target = call->target();
  rest_.create(std::move(target), std::move(body->value), *std::move(options), answer(call, std::move(warnings)));
}

void ApiHandler::serve_update(const CallPtr& call) {
  auto options = read_write_options(call->request, call->manager());
  if (!options) return call->fail(options.error());
  auto body = read_body(call->request);
  if (!body) return call->fail(body.error());
  options->subresource = call->info.subresource;
  std::vector<std::string> warnings;
  if (auto judged = judge_duplicates(body->duplicates, options->field_validation, warnings); !judged) return call->fail(judged.error());
  rest_.update(call->target(), std::move(body->value), *std::move(options), answer(call, std::move(warnings)));
}

void ApiHandler::serve_patch(const CallPtr& call) {
  auto patch = read_patch(call->request);
  bool custom = !call->resource->crd.empty();
  bool strategic = patch && patch->first.type == client::Patch::Type::kStrategic;
  if (failed_with(patch, Code::kUnsupportedMediaType) || (custom && strategic && call->info.subresource != "scale"))
    return call->send(unsupported_patch(call->info, custom));
  if (!patch) return call->fail(patch.error());
  bool apply = patch->first.type == client::Patch::Type::kApply;
  auto options = read_write_options(call->request, apply ? "" : call->manager());
  if (!options) return call->fail(options.error());
  options->subresource = call->info.subresource;
  std::vector<std::string> warnings;
  if (auto judged = judge_duplicates(patch->second, options->field_validation, warnings); !judged) return call->fail(judged.error());
  Target target = call->target();
  if (apply) target.create_refused = create_refusal(*call);
  rest_.patch(std::move(target), std::move(patch->first), *std::move(options), answer(call, std::move(warnings)));
}

void ApiHandler::serve_delete(const CallPtr& call) {
  auto options = read_delete_options(call->request);
  if (!options) return call->fail(options.error());
  rest_.remove(call->target(), *std::move(options), answer(call));
}

void ApiHandler::serve_delete_collection(const CallPtr& call) {
  auto options = read_delete_options(call->request);
  if (!options) return call->fail(options.error());
  rest_.remove_collection(call->target(), read_options(call->request), *std::move(options),
                          [self = shared_from_this(), call](Result<std::vector<kube::Object>> removed) {
    if (!removed) return call->fail(removed.error());
    std::string items;
    for (const kube::Object& object : *removed) items += concat(items.empty() ? "" : ",", json::dump(object.doc()));
    call->send(json_response(200, concat("{\"kind\":\"", call->resource->info.list_kind, "\",\"apiVersion\":\"",
                                         call->resource->resource().api_version(), "\",\"metadata\":{\"resourceVersion\":\"",
                                         self->rest_.store().revision(), "\"},\"items\":[", items, "]}")));
  });
}

}  // namespace serin::apiserver
