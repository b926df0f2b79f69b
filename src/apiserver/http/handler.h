#pragma once

/// The HTTP face of the API: routes a request to discovery, OpenAPI, the verbs, watches or logs, and writes the
/// answer. Never blocks the I/O thread it is called on.

#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "apiserver/auth/security.h"
#include "apiserver/http/metrics.h"
#include "apiserver/http/openapi_documents.h"
#include "apiserver/http/request_info.h"
#include "apiserver/http/watch_pump.h"
#include "apiserver/server.h"

namespace serin::apiserver {

class ApiHandler : public std::enable_shared_from_this<ApiHandler> {
 public:
  using FindCluster = std::function<ClusterPtr(const std::string&)>;
  ApiHandler(Rest& rest, Security& security, const ServerOptions& options, FindCluster find_cluster);

  void handle(net::Request request, std::unique_ptr<net::Responder> responder);

 private:
  struct Call;  ///< one request on its way; see call.h
  using CallPtr = std::shared_ptr<Call>;

  /// Who asks. What is open to all needs no credentials, but refuses wrong ones.
  Result<void> authenticate(Call&, bool open_to_all);
  Result<void> authorize(Call&);
  /// For an apply patch: null where the user may also create what it names.
  std::shared_ptr<const Error> create_refusal(const Call&) const;
  void serve_plain(Call&);
  void serve_backup(Call&);
  void serve_metrics(Call&);
  void serve_discovery(Call&);
  void serve_openapi(Call&);
  void serve_openapi_v2(Call&);
  void serve_resource(const CallPtr&);
  void serve_get(Call&);
  void serve_list(Call&);
  void serve_watch(Call&);
  void serve_log(Call&);
  void serve_review(Call&);
  void serve_eviction(const CallPtr&);
  void serve_binding(const CallPtr&);
  void serve_token(Call&);
  bool serve_openid(Call&);
  void send_made(Call&, const json::value& doc);
  void serve_create(const CallPtr&);
  void serve_update(const CallPtr&);
  void serve_patch(const CallPtr&);
  void serve_delete(const CallPtr&);
  void serve_delete_collection(const CallPtr&);
  /// The answer to a write, with warnings.
  Done answer(CallPtr call, std::vector<std::string> warnings = {});
  Result<void> judge_duplicates(const std::vector<std::string>& duplicates, const std::string& validation,
                                std::vector<std::string>& warnings) const;

  std::shared_ptr<OpenApiDocuments> openapi(const ClusterPtr&);

  Rest& rest_;
  Security& security_;
  const ServerOptions& options_;
  FindCluster find_cluster_;
  std::shared_ptr<Metrics> metrics_ = std::make_shared<Metrics>(rest_.clock());
  WatchPump pump_;
  std::mutex openapi_mutex_;
  std::map<std::string, std::shared_ptr<OpenApiDocuments>> openapi_;  // guarded by openapi_mutex_; by cluster
};

}  // namespace serin::apiserver
