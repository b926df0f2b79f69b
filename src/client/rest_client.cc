#include "client/rest_client.h"

#include <mutex>

#include "base/strings.h"
#include "client/discovery.h"
#include "client/rest_codec.h"
#include "client/rest_session.h"
#include "client/rest_watch.h"

namespace serin::client {
namespace {

using kube::GroupVersion;
using kube::GroupVersionKind;

/// Discovery, read when needed and kept for a while.
class DiscoveryCache {
 public:
  explicit DiscoveryCache(std::shared_ptr<RestSession> session) : session_(std::move(session)) {}

  /// What is known if it is younger than `age`, else read anew.
  Result<std::shared_ptr<const Discovery>> get(Duration age) {
    std::lock_guard lock(mutex_);
    TimePoint now = session_->clock().now();
    if (!known_ || now - read_at_ >= age) {
      known_ = std::make_shared<const Discovery>(SERIN_TRY(read()));
      read_at_ = now;
    }
    return known_;
  }

 private:
  Result<json::value> document(const std::string& path,
                               std::string_view accept = "application/json") {
    return decode_json(SERIN_TRY(session_->fetch({"GET", path, {}, {}, {}, accept})));
  }

  Result<Discovery> read() {
    Discovery discovery;
    for (const char* root : {"/api", "/apis"}) {
      json::value doc = SERIN_TRY(document(root, kAggregatedAccept));
      if (is_aggregated(doc)) {
        add_aggregated(discovery, doc);
        continue;
      }
      for (const GroupVersion& gv : legacy_group_versions(doc)) {
        auto list = document(concat(root, "/", gv.api_version()));
        if (list)
          add_legacy(discovery, gv, *list);
        else if (list.error().code == Code::kUnauthorized)
          return fail(std::move(list).error());
        // Else that group's server is away, which must not hide all others.
      }
    }
    return discovery;
  }

  const std::shared_ptr<RestSession> session_;
  std::mutex mutex_;
  std::shared_ptr<const Discovery> known_;  // guarded by mutex_
  TimePoint read_at_{};                     // guarded by mutex_
};

class HttpRestClient final : public RestClient {
 public:
  explicit HttpRestClient(std::shared_ptr<RestSession> session)
      : session_(session), discovery_(std::move(session)) {}

  Result<Object> get(const Resource& resource, const NamespacedName& name) override {
    SERIN_TRY(check_name(resource, name));
    return object({"GET", api_path(resource, name.ns, name.name), {}, {}});
  }

  Result<ObjectList> list(const Resource& resource, const ListOptions& options) override {
    if (options.limit > 0 || session_->options().page_size <= 0) return page(resource, options);
    ListOptions paged = options;
    paged.limit = session_->options().page_size;
    ObjectList all = SERIN_TRY(page(resource, paged));
    while (!all.continue_token.empty()) {
      paged.continue_token = std::move(all.continue_token);
      auto next = page(resource, paged);
      if (failed_with(next, Code::kExpired) || failed_with(next, Code::kGone))
        return page(resource, options);
      if (!next) return fail(std::move(next).error());
      all.continue_token = std::move(next->continue_token);
      std::move(next->items.begin(), next->items.end(), std::back_inserter(all.items));
    }
    return all;
  }

  Result<std::unique_ptr<Watch>> watch(const Resource& resource,
                                       const WatchOptions& options) override {
    return RestWatch::open(session_, resource, options);
  }

  Result<Object> create(const Resource& resource, const Object& made,
                        const WriteOptions& options) override {
    std::string path = options.subresource.empty()
                           ? api_path(resource, made.ns())
                           : api_path(resource, made.ns(), made.name(), options.subresource);
    return object({"POST", path, query(options), json::dump(made.doc())});
  }

  Result<Object> update(const Resource& resource, const Object& changed,
                        const WriteOptions& options) override {
    SERIN_TRY(check_name(resource, changed.key()));
    return object({"PUT", api_path(resource, changed.ns(), changed.name(), options.subresource),
                   query(options), json::dump(changed.doc())});
  }

  Result<Object> patch(const Resource& resource, const NamespacedName& name, const Patch& patch,
                       const WriteOptions& options) override {
    SERIN_TRY(check_name(resource, name));
    return object({"PATCH", api_path(resource, name.ns, name.name, options.subresource),
                   query(options), json::dump(patch.body), patch_content_type(patch.type)});
  }

  Result<void> remove(const Resource& resource, const NamespacedName& name,
                      const DeleteOptions& options) override {
    SERIN_TRY(check_name(resource, name));
    SERIN_TRY(session_->fetch(
        {"DELETE", api_path(resource, name.ns, name.name), {}, delete_body(options)}));
    return {};
  }

  Result<Resource> resource_for(const GroupVersionKind& gvk) override {
    // A kind once seen stays; an unknown one may have come with a new CRD.
    for (Duration age : {Duration::max(), session_->options().discovery_age}) {
      auto discovery = SERIN_TRY(discovery_.get(age));
      if (auto found = find_kind(*discovery, gvk)) return *found;
    }
    return fail(Code::kNotFound, concat("no resource here has the kind ", gvk.kind, " of ",
                                        gvk.group_version().api_version()));
  }

  Result<std::vector<Resource>> resources() override {
    return listable_resources(*SERIN_TRY(discovery_.get(session_->options().resources_age)));
  }

  Result<net::Response> raw(const std::string& method, const std::string& target, std::string body,
                            const std::string& content_type) override {
    auto [path, parameters] = parts(target);
    return session_->send({method, path, parameters, std::move(body), content_type, "*/*"});
  }

  Result<net::StreamingResponse> raw_stream(const std::string& target) override {
    auto [path, parameters] = parts(target);
    return session_->stream({"GET", path, parameters, {}, {}, "*/*"});
  }

 private:
  /// An empty name would turn a request about one object into one about all.
  static Result<void> check_name(const Resource& resource, const NamespacedName& name) {
    if (name.name.empty())
      return fail(Code::kBadRequest, concat("a name is needed for ", resource.group_resource()));
    if (resource.namespaced && name.ns.empty())
      return fail(Code::kBadRequest,
                  concat("a namespace is needed for ", resource.group_resource(), " ", name.name));
    return {};
  }

  static std::pair<std::string, std::string> parts(const std::string& target) {
    size_t mark = target.find('?');
    return {target.substr(0, mark), mark == std::string::npos ? "" : target.substr(mark + 1)};
  }

  std::string query(const WriteOptions& options) const {
    return write_query(options, session_->options().field_manager).str();
  }

  Result<Object> object(const RestSession::Call& call) {
    return Object(SERIN_TRY(decode_json(SERIN_TRY(session_->fetch(call)))));
  }

  Result<ObjectList> page(const Resource& resource, const ListOptions& options) {
    return decode_list(
        resource, SERIN_TRY(session_->fetch(
                      {"GET", api_path(resource, options.ns), list_query(options).str(), {}})));
  }

  const std::shared_ptr<RestSession> session_;
  DiscoveryCache discovery_;
};

}  // namespace

Result<std::unique_ptr<RestClient>> make_rest_client(const KubeContext& context,
                                                     RestOptions options, Clock& clock) {
  return std::make_unique<HttpRestClient>(SERIN_TRY(RestSession::create(context, options, clock)));
}

}  // namespace serin::client
