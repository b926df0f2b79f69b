#include "mesh/xds/xds_server.h"

#include <envoy/service/discovery/v3/ads.grpc.pb.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <set>

#include "base/log.h"
#include "base/strings.h"
#include "mesh/xds/wire.h"

namespace serin::mesh {
namespace {

namespace discovery = envoy::service::discovery::v3;

constexpr std::chrono::seconds kPartingTime{1};  // for streams to hear that the server stops

std::optional<ResourceType> type_of(const std::string& url) {
  for (ResourceType type : kResourceTypes)
    if (type_url(type) == url) return type;
  return std::nullopt;
}

DeltaRequest decode(const discovery::DeltaDiscoveryRequest& message, ResourceType type) {
  DeltaRequest out{type, {}, {}, {}, message.response_nonce(), std::nullopt};
  out.subscribe.assign(message.resource_names_subscribe().begin(), message.resource_names_subscribe().end());
  out.unsubscribe.assign(message.resource_names_unsubscribe().begin(), message.resource_names_unsubscribe().end());
  for (const auto& [name, version] : message.initial_resource_versions()) out.initial_versions[name] = version;
  if (message.has_error_detail()) out.error = message.error_detail().message();
  return out;
}

Result<ProxyIdentity> identify_node(const envoy::config::core::v3::Node& node) {
  const auto& fields = node.metadata().fields();
  auto text = [&](const char* name) {
    auto found = fields.find(name);
    return found == fields.end() ? std::string() : found->second.string_value();
  };
  std::map<std::string, std::string> labels;
  if (auto found = fields.find("LABELS"); found != fields.end())
    for (const auto& [name, value] : found->second.struct_value().fields()) labels[name] = value.string_value();
  return identify(node.id(), text("CLUSTER_ID"), labels, text("SERIN_BIND") == "service");
}

class Server;
using Reactor = grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>;
using Service = discovery::AggregatedDiscoveryService::WithRawCallbackMethod_DeltaAggregatedResources<
    discovery::AggregatedDiscoveryService::Service>;

/// One stream. Reads one request at a time; writes one response at a time, the rest wait in `outbox_`.
class Stream final : public Reactor {
 public:
  explicit Stream(Server& server);

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone() override;

  /// By the server, which holds its own lock.
  void joined(const ProxyIdentity& proxy, const std::string& name, const ResourceSetPtr& snapshot);
  void on_snapshot(const ResourceSetPtr& snapshot, const ResourceChanges& changes);
  void end(const grpc::Status& status);
  bool in_use(const std::string& address);

 private:
  void enqueue_locked(std::vector<DeltaResponse> responses);
  void report();

  Server& server_;
  grpc::ByteBuffer request_;
  std::mutex mutex_;                       // guards all below
  std::optional<ProxyIdentity> proxy_;
  std::string report_name_;
  DeltaSession session_;
  std::deque<grpc::ByteBuffer> outbox_;
  bool writing_ = false, finished_ = false;
  std::mutex report_mutex_;                // keeps reports in the order of the states they tell
};

class Server final : public XdsServer, public Service {
 public:
  explicit Server(AckTable& acks) : acks_(acks) {}

  ~Server() override {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
      for (Stream* stream : all_) stream->end(grpc::Status(grpc::StatusCode::UNAVAILABLE, "control plane stops"));
    }
    if (!grpc_) return;  // never listened
    grpc_->Shutdown(std::chrono::system_clock::now() + kPartingTime);
    std::unique_lock lock(mutex_);
    empty_.wait(lock, [&] { return all_.empty(); });
  }

  Result<void> listen(const XdsServerOptions& options) {
    grpc::ServerBuilder builder;
    int port = 0;
    bool unix_socket = options.address.starts_with("unix:");
    if (unix_socket && options.address.size() > 5 + 107)
      return fail(Code::kInvalid, concat(options.address, " is too long for a socket: at most 107 bytes"));
    builder.AddListeningPort(options.address, grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(this);
    builder.SetMaxReceiveMessageSize(16 << 20);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    grpc_ = builder.BuildAndStart();
    if (!grpc_ || (port == 0 && !unix_socket)) return fail(Code::kConflict, concat("cannot listen on ", options.address));
    address_ = options.address;
    if (!unix_socket) address_ = concat(options.address.substr(0, options.address.rfind(':')), ":", port);
    return {};
  }

  std::string address() const override { return address_; }

  Reactor* DeltaAggregatedResources(grpc::CallbackServerContext*) override {
    auto* stream = new Stream(*this);  // deletes itself in OnDone
    std::lock_guard lock(mutex_);
    all_.insert(stream);
    if (stopping_) stream->end(grpc::Status(grpc::StatusCode::UNAVAILABLE, "control plane stops"));
    return stream;
  }

  void update(MeshViewPtr view) override {
    std::lock_guard lock(mutex_);
    view_ = std::move(view);
    for (auto& [kind, group] : groups_) {
      ResourceSetPtr next = translate(*view_, kind, &group.memory);
      ResourceChanges changes = changes_between(group.snapshot.get(), *next);
      bool any = std::any_of(changes.begin(), changes.end(), [](const auto& names) { return !names.empty(); });
      if (group.snapshot && !any) continue;
      group.snapshot = std::move(next);
      group.addresses.reset();
      for (Stream* stream : group.streams) stream->on_snapshot(group.snapshot, changes);
    }
  }

  bool in_use(const std::string& address) const override {
    std::lock_guard lock(mutex_);
    for (auto& [kind, group] : groups_) {
      if (group.snapshot && group.reaches(address)) return true;
      for (Stream* stream : group.streams)
        if (stream->in_use(address)) return true;
    }
    return false;
  }

  void on_released(std::function<void(const std::set<std::string>&)> listener) override {
    std::lock_guard lock(listener_mutex_);
    released_ = std::move(listener);
  }
  /// A proxy went away: whatever it used it uses no more.
  void left() {
    std::function<void(const std::set<std::string>&)> listener;
    {
      std::lock_guard lock(listener_mutex_);
      listener = released_;
    }
    if (listener) listener({});
  }
  void released(const std::set<std::string>& addresses) {
    std::function<void(const std::set<std::string>&)> listener;
    {
      std::lock_guard lock(listener_mutex_);
      listener = released_;
    }
    if (listener && !addresses.empty()) listener(addresses);
  }

  std::vector<std::string> proxies() const override {
    std::lock_guard lock(mutex_);
    return {names_.begin(), names_.end()};
  }

  /// The name under which this connection's acknowledgements count: a proxy that reconnects before its old stream
  /// has gone gets one of its own.
  void join(Stream* stream, const ProxyIdentity& proxy) {
    std::lock_guard lock(mutex_);
    Group& group = groups_[proxy.kind];
    if (!group.snapshot && view_) group.snapshot = translate(*view_, proxy.kind, &group.memory);
    group.streams.insert(stream);
    std::string name = proxy.name;
    for (int i = 2; !names_.insert(name).second; ++i) name = concat(proxy.name, "#", i);
    log::info("xds", "proxy connected", {{"proxy", name}});
    stream->joined(proxy, name, group.snapshot);
  }

  void leave(Stream* stream, const std::optional<ProxyIdentity>& proxy, const std::string& name) {
    std::lock_guard lock(mutex_);
    if (proxy) {
      auto group = groups_.find(proxy->kind);
      group->second.streams.erase(stream);
      if (group->second.streams.empty()) groups_.erase(group);
      names_.erase(name);
    }
  }

  void gone(Stream* stream) {
    std::lock_guard lock(mutex_);
    all_.erase(stream);
    empty_.notify_all();
  }

  AckTable& acks() { return acks_; }

 private:
  struct Group {
    TranslationMemory memory;
    ResourceSetPtr snapshot;
    std::set<Stream*> streams;
    mutable std::optional<std::set<std::string, std::less<>>> addresses;  // of the snapshot; made when asked for

    bool reaches(const std::string& address) const {
      if (!addresses) {
        addresses.emplace();
        for (const auto& [name, resource] : snapshot->of(ResourceType::kEndpoints))
          addresses->insert(resource->addresses.begin(), resource->addresses.end());
      }
      return addresses->contains(address);
    }
  };

  AckTable& acks_;
  std::unique_ptr<grpc::Server> grpc_;
  std::string address_;
  mutable std::mutex mutex_;  // guards all below; taken before a stream's own
  std::condition_variable empty_;
  bool stopping_ = false;
  MeshViewPtr view_;
  std::map<ProxyKind, Group> groups_;
  std::set<Stream*> all_;
  std::set<std::string> names_;

  std::mutex listener_mutex_;
  std::function<void(const std::set<std::string>&)> released_;  // guarded by listener_mutex_
};

Stream::Stream(Server& server) : server_(server) { StartRead(&request_); }

void Stream::enqueue_locked(std::vector<DeltaResponse> responses) {
  for (const DeltaResponse& response : responses) outbox_.push_back(encode(response));
  if (writing_ || finished_ || outbox_.empty()) return;
  writing_ = true;
  StartWrite(&outbox_.front());
}

void Stream::report() {
  std::lock_guard order(report_mutex_);
  std::map<SourceRef, Progress> progress;
  std::set<std::string> released;
  std::string name;
  {
    std::lock_guard lock(mutex_);
    if (!proxy_ || finished_) return;
    progress = session_.take_progress();
    released = session_.take_released();
    name = report_name_;
  }
  server_.acks().report(name, progress);
  server_.released(released);
}

void Stream::OnReadDone(bool ok) {
  if (!ok) {
    end(grpc::Status::OK);
    return;
  }
  discovery::DeltaDiscoveryRequest request;
  if (!grpc::GenericDeserialize<grpc::ProtoBufferReader, discovery::DeltaDiscoveryRequest>(&request_, &request).ok()) {
    end(grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "not a DeltaDiscoveryRequest"));
    return;
  }
  bool first;
  {
    std::lock_guard lock(mutex_);
    if (finished_) return;
    first = !proxy_;
  }
  if (first) {
    Result<ProxyIdentity> proxy = identify_node(request.node());
    if (!proxy) {
      log::warning("xds", "proxy refused", {{"reason", proxy.error().message}});
      end(grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, proxy.error().message));
      return;
    }
    server_.join(this, *proxy);
  }
  if (std::optional<ResourceType> type = type_of(request.type_url())) {
    std::lock_guard lock(mutex_);
    if (request.has_error_detail())
      log::warning("xds", "proxy rejected configuration",
                   {{"proxy", report_name_}, {"type", request.type_url()}, {"error", request.error_detail().message()}});
    enqueue_locked(session_.on_request(decode(request, *type)));
  }
  report();
  StartRead(&request_);
}

void Stream::OnWriteDone(bool ok) {
  std::lock_guard lock(mutex_);
  outbox_.pop_front();
  writing_ = false;
  if (ok) enqueue_locked({});
}

void Stream::joined(const ProxyIdentity& proxy, const std::string& name, const ResourceSetPtr& snapshot) {
  std::lock_guard lock(mutex_);
  proxy_ = proxy;
  report_name_ = name;
  if (snapshot) enqueue_locked(session_.on_snapshot(snapshot));
}

void Stream::on_snapshot(const ResourceSetPtr& snapshot, const ResourceChanges& changes) {
  {
    std::lock_guard lock(mutex_);
    if (finished_) return;
    enqueue_locked(session_.on_snapshot(snapshot, &changes));
  }
  report();
}

bool Stream::in_use(const std::string& address) {
  std::lock_guard lock(mutex_);
  return session_.in_use(address);
}

void Stream::end(const grpc::Status& status) {
  std::lock_guard lock(mutex_);
  if (finished_) return;
  finished_ = true;
  Finish(status);
}

void Stream::OnDone() {
  std::optional<ProxyIdentity> proxy;
  std::string name;
  {
    std::lock_guard lock(mutex_);
    proxy = proxy_;
    name = report_name_;
  }
  server_.leave(this, proxy, name);
  {
    std::lock_guard order(report_mutex_);
  }
  if (proxy) {
    server_.acks().disconnect(name);
    server_.left();
    log::info("xds", "proxy disconnected", {{"proxy", name}});
  }
  server_.gone(this);
  delete this;
}

}  // namespace

Result<std::unique_ptr<XdsServer>> XdsServer::start(XdsServerOptions options, AckTable& acks) {
  auto server = std::make_unique<Server>(acks);
  SERIN_TRY(server->listen(options));
  return std::unique_ptr<XdsServer>(std::move(server));
}

}  // namespace serin::mesh
