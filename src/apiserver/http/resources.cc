// The verbs over HTTP.

#include <algorithm>

#include "apiserver/http/body.h"
#include "apiserver/http/call.h"
#include "apiserver/http/list_stream.h"
#include "base/strings.h"
#include "base/time.h"

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

Error forbidden_parameter(const char* field, std::string why) {
  return {Code::kInvalid, concat("ListOptions.meta.k8s.io \"\" is invalid: ", field, ": Forbidden: ", why),
          {{"FieldValueForbidden", "Forbidden: " + why, field}}};
}

/// Lines of a log on their way into a response.
class StreamSink final : public LogSink {
 public:
  explicit StreamSink(std::shared_ptr<net::BodyStream> stream) : stream_(std::move(stream)) {}
  bool write(std::string_view text) override {
    return text.empty() || stream_->write(std::make_shared<const std::string>(text));
  }
  size_t pending() const override { return stream_->pending(); }
  void finish() override { stream_->finish(); }

 private:
  std::shared_ptr<net::BodyStream> stream_;
};

/// Begins the response with the first line, so that a source may still refuse.
class LazySink final : public LogSink {
 public:
  explicit LazySink(std::unique_ptr<net::Responder> responder) : responder_(std::move(responder)) {}
  bool write(std::string_view text) override {
    auto sink = begin();
    return sink && sink->write(text);
  }
  size_t pending() const override {
    std::lock_guard lock(mutex_);
    return sink_ ? sink_->pending() : 0;
  }
  void finish() override {
    if (auto sink = begin()) sink->finish();
  }
  std::unique_ptr<net::Responder> take_back() {
    std::lock_guard lock(mutex_);
    return std::move(responder_);
  }
  /// Sends the head now: a follower wants to know that it follows.
  std::shared_ptr<LogSink> begin() {
    std::lock_guard lock(mutex_);
    if (!sink_ && responder_) {
      net::Response head;
      head.headers.set("Content-Type", "text/plain");
      sink_ = std::make_shared<StreamSink>(responder_->stream(std::move(head)));
      responder_.reset();
    }
    return sink_;
  }

 private:
  mutable std::mutex mutex_;
  std::unique_ptr<net::Responder> responder_;  // guarded by mutex_
  std::shared_ptr<LogSink> sink_;              // guarded by mutex_
};

}  // namespace

void ApiHandler::serve_resource(const CallPtr& call) {
  RequestInfo& info = call->info;
  CatalogPtr catalog = call->cluster->catalog();
  call->resource = catalog->find(info.group, info.version, info.plural);
  bool placed = call->resource && (call->resource->resource().namespaced || info.ns.empty());
  if (!placed || !call->resource->has_subresource(info.subresource))
    return call->fail({Code::kNotFound, "the server could not find the requested resource"});
  auto as = negotiate(call->request.headers.get("Accept"), call->request.parameter("includeObject"),
                      !call->resource->info.custom);
  if (!as) return call->fail(as.error());
  call->as = *std::move(as);
  const auto& verbs = call->resource->info.verbs;
  bool known = std::find(verbs.begin(), verbs.end(), info.verb) != verbs.end();
  bool needs_namespace = call->resource->resource().namespaced && info.ns.empty();
  if (!known || (needs_namespace && info.verb != "list" && info.verb != "watch" && info.verb != "deletecollection"))
    return call->fail({Code::kMethodNotAllowed, "the server does not allow this method on the requested resource"});
  if (info.subresource == "log") return serve_log(*call);
  if (info.subresource == "token") return serve_token(*call);
  if (info.group == "authorization.k8s.io" || info.group == "authentication.k8s.io") return serve_review(*call);
  if (!info.subresource.empty() && info.verb != "get" && info.verb != "update" && info.verb != "patch")
    return call->fail({Code::kMethodNotAllowed, "the server does not allow this method on the requested resource"});
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
    response = json_response(200, writer.object(*entry, (*entry)->revision));
    response.headers.set("Content-Type", call.as.content_type());
  }
  if (!call.resource->deprecation.empty()) add_warning(response, call.resource->deprecation);
  call.send(std::move(response));
}

void ApiHandler::serve_list(Call& call) {
  if (call.request.has_parameter("sendInitialEvents"))
    return call.fail(forbidden_parameter("sendInitialEvents", "sendInitialEvents is forbidden for list"));
  Target target = call.target();
  auto page = rest_.list(target, read_options(call.request));
  if (!page) return call.fail(page.error());
  bool long_list = is_long_list(call.request, call.as, *page);
  net::Response response = json_response(200, long_list ? "" : ObjectWriter(rest_, target, call.as).list(*page));
  response.headers.set("Content-Type", call.as.content_type());
  if (!call.resource->deprecation.empty()) add_warning(response, call.resource->deprecation);
  if (long_list)
    return send_long_list(rest_, target, *std::move(page), std::move(response), std::exchange(call.responder, nullptr));
  call.send(std::move(response));
}

void ApiHandler::serve_watch(Call& call) {
  const net::Request& request = call.request;
  auto is_true = [&](const char* name) {
    std::string value = request.parameter(name);
    return value == "true" || value == "1";
  };
  WatchRequest watch{call.target(), call.as, {}, is_true("allowWatchBookmarks"), false, {}};
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
  bool initial = is_true("sendInitialEvents");
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

void ApiHandler::serve_log(Call& call) {
  const net::Request& request = call.request;
  Target target = call.target();
  target.subresource.clear();
  auto entry = rest_.get(target);
  if (!entry) return call.fail(entry.error());
  if (!options_.logs) return call.fail({Code::kUnavailable, "this cluster has no agent that serves logs"});
  kube::Object pod = rest_.object(target, *entry);
  LogOptions log;
  log.container = request.parameter("container");
  const json::array& containers = json::items(pod.doc(), "spec", "containers");
  if (log.container.empty()) {
    if (containers.size() != 1) {
      std::vector<std::string> names;
      for (const json::value& c : containers) names.emplace_back(json::get_string(c, "name"));
      return call.fail({Code::kBadRequest, concat("a container name must be specified for pod ", call.info.name,
                                                  ", choose one of: [", join(names, " "), "]")});
    }
    log.container = json::get_string(containers.front(), "name");
  } else {
    bool known = false;
    for (auto list : {"containers", "initContainers"})
      for (const json::value& c : json::items(pod.doc(), "spec", list)) known |= json::get_string(c, "name") == log.container;
    if (!known)
      return call.fail({Code::kBadRequest, concat("container ", log.container, " is not valid for pod ", call.info.name)});
  }
  auto flag = [&](const char* name) { std::string v = request.parameter(name); return v == "true" || v == "1"; };
  log.follow = flag("follow");
  log.previous = flag("previous");
  log.timestamps = flag("timestamps");
  log.tail_lines = parse_int<int64_t>(request.parameter("tailLines"));
  log.limit_bytes = parse_int<int64_t>(request.parameter("limitBytes"));
  if (auto since = parse_int<int64_t>(request.parameter("sinceSeconds"))) log.since = rest_.clock().now() - std::chrono::seconds(*since);
  if (std::string since = request.parameter("sinceTime"); !since.empty()) log.since = parse_time(since);
  auto sink = std::make_shared<LazySink>(std::exchange(call.responder, nullptr));
  auto opened = options_.logs->open(call.info.cluster, target.name, log, sink);
  if (!opened) {
    call.responder = sink->take_back();
    if (call.responder) call.fail(opened.error());
    else sink->finish();
    return;
  }
  if (log.follow) sink->begin();
}

Result<void> ApiHandler::judge_duplicates(const std::vector<std::string>& duplicates, const std::string& validation,
                                          std::vector<std::string>& warnings) const {
  if (duplicates.empty() || validation == "Ignore") return {};
  std::vector<std::string> lines;
  for (const std::string& path : duplicates) lines.push_back(concat("duplicate field \"", path, '"'));
  if (validation == "Strict") return fail(Code::kBadRequest, "strict decoding error: " + join(lines, ", "));
  warnings.insert(warnings.end(), lines.begin(), lines.end());
  return {};
}

Done ApiHandler::answer(CallPtr call, std::vector<std::string> warnings) {
  return [self = shared_from_this(), call = std::move(call), warnings = std::move(warnings)](Result<Outcome> outcome) {
    if (!outcome) return call->fail(outcome.error());
    net::Response response;
    bool deletion = call->info.verb == "delete";
    if (deletion && outcome->removed) {
      response = json_response(200, json::dump(deleted_status(call->info, outcome->object.uid())));
    } else {
      int status = outcome->created && !deletion ? 201 : 200;
      Representation as = call->info.subresource == "scale" ? Representation{} : call->as;
      ObjectWriter writer(self->rest_, call->target(), as);
      std::string body = outcome->entry ? writer.object(outcome->entry, outcome->entry->revision) : writer.object(outcome->object);
      response = json_response(status, std::move(body));
      response.headers.set("Content-Type", as.content_type());
    }
    for (const std::string& warning : warnings) add_warning(response, warning);
    for (const std::string& warning : outcome->warnings) add_warning(response, warning);
    if (!call->resource->deprecation.empty()) add_warning(response, call->resource->deprecation);
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
