#include "apiserver/http/handler.h"

#include "apiserver/http/access.h"
#include "apiserver/http/backup_stream.h"
#include "apiserver/http/call.h"
#include "apiserver/http/discovery.h"
#include "apiserver/http/health.h"
#include "apiserver/http/status.h"
#include "base/strings.h"

namespace serin::apiserver {
namespace {

constexpr const char* kVersion =
    R"({"major":"1","minor":"33","gitVersion":"v1.33.0+serin.1","gitCommit":"","gitTreeState":"clean",)"
    R"("buildDate":"","goVersion":"","compiler":"","platform":"linux/amd64"})";

constexpr std::string_view kMetricsPath = "/metrics";

/// The aggregated form that an Accept header asks for first: "v2", "v2beta1", or nothing.
std::string_view aggregated_version(std::string_view accept) {
  for (std::string_view media : split(accept, ',')) {
    if (media.find("as=APIGroupDiscoveryList") == std::string_view::npos) {
      if (media.find("application/json") != std::string_view::npos) return {};
      continue;
    }
    for (std::string_view version : {"v2beta1", "v2"})
      if (media.find(concat("v=", version, ";")) != std::string_view::npos || media.ends_with(concat("v=", version))) return version;
  }
  return {};
}

}  // namespace

ApiHandler::ApiHandler(Rest& rest, Security& security, const ServerOptions& options, FindCluster find_cluster)
    : rest_(rest),
      security_(security),
      options_(options),
      find_cluster_(std::move(find_cluster)),
      pump_(rest, {options.bookmark_interval, options.max_watch_backlog_bytes}) {}

void ApiHandler::handle(net::Request request, std::unique_ptr<net::Responder> responder) {
  auto call = std::make_shared<Call>();
  call->info = parse_request(request);
  call->request = std::move(request);
  call->record = security_.recorder().begin(call->request);
  call->responder = security_.recorder().attach(std::move(responder), call->record);
  bool open_to_all = is_health_path(call->info.path) || call->info.path == "/version";
  if (auto known = authenticate(*call, open_to_all); !known) return call->fail(known.error());
  if (open_to_all) return serve_plain(*call);
  if (!call->info.proper) return call->fail({Code::kBadRequest, "the path has a segment that is no name, or the URL is not UTF-8"});
  if (call->info.cluster.empty() && call->info.path == kBackupPath) return serve_backup(*call);
  if (call->info.cluster.empty() && call->info.path == kMetricsPath) return serve_metrics(*call);
  if (call->info.cluster.empty())
    return call->fail({Code::kNotFound, "the API of a cluster is at /clusters/<name>"});
  call->cluster = find_cluster_(call->info.cluster);
  if (!call->cluster)
    return call->fail({Code::kNotFound, concat("cluster \"", call->info.cluster, "\" not found")});
  if (auto allowed = authorize(*call); !allowed) return call->fail(allowed.error());
  if (call->info.is_resource) return serve_resource(call);
  if (call->info.verb != "get" && call->info.verb != "head")
    return call->fail({Code::kMethodNotAllowed, "the server does not allow this method on the requested resource"});
  if (call->info.path.starts_with("/openapi/")) return serve_openapi(*call);
  if (!serve_openid(*call)) serve_discovery(*call);
}

void ApiHandler::serve_plain(Call& call) {
  if (call.info.path == "/version") return call.send(json_response(200, kVersion));
  call.send(health_answer(call.request, call.info.path, rest_.store().health()));
}

void ApiHandler::serve_metrics(Call& call) {
  if (call.info.cluster.empty() && !call.user->in_group(kMastersGroup))
    return call.fail({Code::kForbidden, "the metrics of the whole server are for system:masters"});
  net::Response response;
  response.headers.set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
  response.body = metrics_->text({rest_.store().revision(), rest_.store().health().has_value()});
  call.send(std::move(response));
}

void ApiHandler::serve_backup(Call& call) {
  if (!call.user->in_group(kMastersGroup))
    return call.fail({Code::kForbidden, "a backup holds every secret of every cluster: only system:masters may take one"});
  if (call.info.verb != "get")
    return call.fail({Code::kMethodNotAllowed, "the server does not allow this method on the requested resource"});
  auto snapshot = take_snapshot(rest_.store());
  if (!snapshot) return call.fail(snapshot.error());
  send_backup(*std::move(snapshot), std::exchange(call.responder, nullptr));
}

void ApiHandler::serve_discovery(Call& call) {
  CatalogPtr catalog = call.cluster->catalog();
  const std::string& path = call.info.path;
  bool core = path == "/api";
  if (core || path == "/apis") {
    std::string_view version = aggregated_version(call.request.headers.get("Accept"));
    if (version.empty())
      return call.send(json_response(200, json::dump(core ? api_versions(options_.external_address) : api_group_list(*catalog))));
    std::string tag = concat('"', catalog->fingerprint(), core ? "c" : "g", version, '"');
    net::Response response;
    response.headers.set("ETag", tag);
    response.headers.set("Vary", "Accept");
    response.headers.set("Cache-Control", "public");
    if (call.request.headers.get("If-None-Match") == tag) {
      response.status = 304;
    } else {
      response.headers.set("Content-Type", concat("application/json;g=apidiscovery.k8s.io;v=", version, ";as=APIGroupDiscoveryList"));
      response.body = json::dump(aggregated_discovery(*catalog, core, version));
    }
    return call.send(std::move(response));
  }
  std::vector<std::string_view> parts = split(std::string_view(path).substr(1), '/');
  kube::GroupVersion gv;
  if (parts.size() == 2 && parts[0] == "api") gv.version = parts[1];
  if (parts.size() == 3 && parts[0] == "apis") gv = {std::string(parts[1]), std::string(parts[2])};
  if (!gv.version.empty() && catalog->serves(gv))
    return call.send(json_response(200, json::dump(api_resource_list(*catalog, gv))));
  if (parts.size() == 2 && parts[0] == "apis" && !catalog->versions(parts[1]).empty())
    return call.send(json_response(200, json::dump(api_group(*catalog, std::string(parts[1])))));
  if (path == kMetricsPath) return serve_metrics(call);
  if (path == "/")
    return call.send(json_response(200, R"({"paths":["/api","/apis","/healthz","/livez","/metrics","/openapi/v2","/openapi/v3","/readyz","/version"]})"));
  call.fail({Code::kNotFound, "the server could not find the requested resource"});
}

std::shared_ptr<OpenApiDocuments> ApiHandler::openapi(const ClusterPtr& cluster) {
  CatalogPtr catalog = cluster->catalog();
  std::lock_guard lock(openapi_mutex_);
  auto& slot = openapi_[cluster->name()];
  if (!slot || slot->catalog() != catalog) slot = std::make_shared<OpenApiDocuments>(std::move(catalog));
  return slot;
}

void ApiHandler::serve_openapi(Call& call) {
  if (call.info.path == "/openapi/v2") return serve_openapi_v2(call);
  constexpr std::string_view kPrefix = "/openapi/v3";
  if (!call.info.path.starts_with(kPrefix))
    return call.fail({Code::kNotFound, "the server could not find the requested resource"});
  std::shared_ptr<OpenApiDocuments> documents = openapi(call.cluster);
  const CatalogPtr& catalog = documents->catalog();
  std::string_view rest = std::string_view(call.info.path).substr(kPrefix.size());
  while (rest.starts_with('/')) rest.remove_prefix(1);
  if (rest.empty()) {
    json::object paths;
    for (const std::string& group : catalog->groups())
      for (const std::string& version : catalog->versions(group)) {
        std::string path = group.empty() ? concat("api/", version) : concat("apis/", group, '/', version);
        paths[path] = json::object{{"serverRelativeURL", concat("/clusters/", call.info.cluster, "/openapi/v3/", path, "?hash=",
                                                                documents->hash(kube::GroupVersion{group, version}))}};
      }
    return call.send(json_response(200, json::dump(json::object{{"paths", std::move(paths)}})));
  }
  std::vector<std::string_view> parts = split(rest, '/');
  kube::GroupVersion gv;
  if (parts.size() == 2 && parts[0] == "api") gv.version = parts[1];
  if (parts.size() == 3 && parts[0] == "apis") gv = {std::string(parts[1]), std::string(parts[2])};
  if (gv.version.empty() || !catalog->serves(gv))
    return call.fail({Code::kNotFound, "the server could not find the requested resource"});
  net::Response response = json_response(200, *documents->document(gv));
  std::string tag = concat('"', documents->hash(gv), '"');
  response.headers.set("ETag", tag);
  if (!call.request.parameter("hash").empty()) response.headers.set("Cache-Control", "public, immutable");
  if (call.request.headers.get("If-None-Match") == tag) {
    response.status = 304;
    response.body.clear();
  }
  call.send(std::move(response));
}

}  // namespace serin::apiserver
