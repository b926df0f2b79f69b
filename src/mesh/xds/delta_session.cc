#include "mesh/xds/delta_session.h"

#include <algorithm>

namespace serin::mesh {

bool DeltaSession::wanted(const TypeState& state, const std::string& name) const {
  return state.wildcard || state.names.contains(name);
}

EnvoyResourcePtr DeltaSession::current(ResourceType type, const std::string& name) const {
  if (!snapshot_) return nullptr;
  const auto& all = snapshot_->of(type);
  auto found = all.find(name);
  return found == all.end() ? nullptr : found->second;
}

void DeltaSession::touch(const EnvoyResource* before, const EnvoyResource* after) {
  for (SourceRef& source : differing_sources(before, after)) touched_.insert(std::move(source));
}

std::vector<DeltaResponse> DeltaSession::on_request(const DeltaRequest& request) {
  if (!at(request.type).started) start(request);
  subscribe(request);
  unsubscribe(request);
  if (!request.nonce.empty()) answer(request.type, request);
  return flush();
}

void DeltaSession::start(const DeltaRequest& request) {
  TypeState& state = at(request.type);
  state.started = true;
  // Clusters and listeners without names: all of them. Other types have no such form.
  bool may_be_wildcard = request.type == ResourceType::kCluster || request.type == ResourceType::kListener;
  state.wildcard = may_be_wildcard && request.subscribe.empty();
  state.answered = !request.initial_versions.empty();
  state.inherited = request.initial_versions;
  if (request.type == ResourceType::kCluster) reconnected_ = !state.inherited.empty();
  for (const auto& [name, version] : state.inherited) state.pending.insert(name);
  if (!state.wildcard || !snapshot_) return;
  for (const auto& [name, resource] : snapshot_->of(request.type)) {
    state.pending.insert(name);
    touch(nullptr, resource.get());
  }
}

void DeltaSession::subscribe(const DeltaRequest& request) {
  TypeState& state = at(request.type);
  for (const std::string& name : request.subscribe) {
    if (name == "*") {
      state.wildcard = true;
      if (!snapshot_) continue;
      for (const auto& [each, resource] : snapshot_->of(request.type)) {
        state.pending.insert(each);
        touch(nullptr, resource.get());
      }
      continue;
    }
    state.names.insert(name);
    state.told_missing.erase(name);
    state.pending.insert(name);
    // A fresh subscription waits for an answer, whatever was sent under this name before.
    if (!request.initial_versions.contains(name)) state.resend.insert(name);
    if (EnvoyResourcePtr resource = current(request.type, name)) touch(nullptr, resource.get());
  }
}

void DeltaSession::unsubscribe(const DeltaRequest& request) {
  TypeState& state = at(request.type);
  for (const std::string& name : request.unsubscribe) {
    if (name == "*") state.wildcard = false;
    state.names.erase(name);
    if (state.wildcard) continue;
    put_in_force(request.type, name, nullptr);
    state.inherited.erase(name);
    state.rejected.erase(name);
    state.resend.erase(name);
    settle_doubt(request.type, name);
    state.pending.erase(name);
    if (EnvoyResourcePtr resource = current(request.type, name)) touch(resource.get(), nullptr);
  }
}

void DeltaSession::put_in_force(ResourceType type, const std::string& name, EnvoyResourcePtr resource) {
  TypeState& state = at(type);
  EnvoyResourcePtr before;
  if (auto found = state.in_force.find(name); found != state.in_force.end()) before = found->second;
  if (before == resource) return;
  touch(before.get(), resource.get());
  if (before && type == ResourceType::kEndpoints) {
    static const std::vector<std::string> kNone;
    const auto& kept = resource ? resource->addresses : kNone;
    std::set_difference(before->addresses.begin(), before->addresses.end(), kept.begin(), kept.end(),
                        std::inserter(released_, released_.end()));
  }
  if (resource) state.in_force[name] = std::move(resource);
  else state.in_force.erase(name);
}

void DeltaSession::settle_doubt(ResourceType type, const std::string& name) {
  auto doubt = at(type).doubtful.extract(name);
  if (!doubt.empty() && doubt.mapped() && type == ResourceType::kEndpoints)
    released_.insert(doubt.mapped()->addresses.begin(), doubt.mapped()->addresses.end());
}

void DeltaSession::answer(ResourceType type, const DeltaRequest& request) {
  TypeState& state = at(type);
  if (!state.in_flight || state.in_flight->nonce != request.nonce) return;
  InFlight sent = std::move(*state.in_flight);
  state.in_flight.reset();
  bool single = sent.resources.size() == 1;
  for (auto& [name, resource] : sent.resources) {
    // Whatever became of it, what stands now may be something else.
    state.pending.insert(name);
    if (!request.error) {
      settle_doubt(type, name);
      state.rejected.erase(name);
      state.inherited.erase(name);
      if (!resource || wanted(state, name)) put_in_force(type, name, resource);
      continue;
    }
    if (!single) {
      // The proxy may have taken any part of it: whatever stands is sent again, even if it is what it had before.
      state.doubtful[name] = resource;
      continue;
    }
    auto doubt = state.doubtful.find(name);
    bool same_doubt = doubt != state.doubtful.end() && doubt->second && resource && doubt->second->version == resource->version;
    if (same_doubt) settle_doubt(type, name);  // that one it has not taken
    if (!resource) {
      state.pending.erase(name);  // a removal that is refused is not asked for again
      continue;
    }
    state.rejected[name] = {resource->version, *request.error};
    auto kept = state.in_force.find(name);  // the proxy keeps what it had
    touch(kept == state.in_force.end() ? nullptr : kept->second.get(), resource.get());
  }
}

std::vector<DeltaResponse> DeltaSession::on_snapshot(ResourceSetPtr snapshot, const ResourceChanges* changes) {
  ResourceChanges own;
  if (!changes || !snapshot_) {
    own = changes_between(snapshot_.get(), *snapshot);
    changes = &own;
  }
  ResourceSetPtr before = std::exchange(snapshot_, std::move(snapshot));
  for (ResourceType type : kResourceTypes) {
    TypeState& state = at(type);
    for (const std::string& name : (*changes)[static_cast<size_t>(type)]) {
      if (!wanted(state, name) && !state.in_force.contains(name) && !state.inherited.contains(name)) continue;
      state.pending.insert(name);
      EnvoyResourcePtr old;
      if (before)
        if (auto found = before->of(type).find(name); found != before->of(type).end()) old = found->second;
      touch(old.get(), current(type, name).get());
    }
  }
  return flush();
}

bool DeltaSession::clusters_ready(ResourceType type, const EnvoyResource& resource) const {
  const TypeState& clusters = at(ResourceType::kCluster);
  const TypeState& endpoints = at(ResourceType::kEndpoints);
  std::vector<std::string> added;
  const std::vector<std::string>* asked = &resource.clusters;
  if (auto running = at(type).in_force.find(resource.name); running != at(type).in_force.end()) {
    const auto& known = running->second->clusters;
    if (known == resource.clusters) return true;
    std::set_difference(resource.clusters.begin(), resource.clusters.end(), known.begin(), known.end(),
                        std::back_inserter(added));
    asked = &added;
  }
  return std::all_of(asked->begin(), asked->end(), [&](const std::string& name) {
    if (!current(ResourceType::kCluster, name)) return true;  // names nothing we have: waiting would not help
    if (clusters.rejected.contains(name) || endpoints.rejected.contains(name)) return true;  // nor here
    if (auto doubt = clusters.doubtful.find(name); doubt != clusters.doubtful.end() && !doubt->second) return false;
    if (clusters.in_flight) {  // its removal is on the way: it comes back only after that
      auto moving = clusters.in_flight->resources.find(name);
      if (moving != clusters.in_flight->resources.end() && !moving->second) return false;
    }
    return clusters.in_force.contains(name) && endpoints.in_force.contains(name);
  });
}

bool DeltaSession::cluster_removable(const std::string& name) const {
  for (ResourceType type : {ResourceType::kListener, ResourceType::kRoute}) {
    const TypeState& state = at(type);
    // A proxy that was here before may run route tables that we have not seen.
    bool expected = type == ResourceType::kListener || !snapshot_->of(type).empty();
    if (reconnected_ && (state.started ? !state.inherited.empty() : expected)) return false;
    auto names = [&](const EnvoyResourcePtr& resource) {
      return resource && std::binary_search(resource->clusters.begin(), resource->clusters.end(), name);
    };
    for (const auto* some : {&state.in_force, &state.doubtful})
      for (const auto& [key, resource] : *some)
        if (names(resource)) return false;
    if (state.in_flight)
      for (const auto& [key, resource] : state.in_flight->resources)
        if (names(resource)) return false;
  }
  return true;
}

DeltaSession::Due DeltaSession::due(ResourceType type, const std::string& name) {
  TypeState& state = at(type);
  EnvoyResourcePtr resource = current(type, name);
  auto running = state.in_force.find(name);
  auto inherited = state.inherited.find(name);
  bool doubtful = state.doubtful.contains(name);
  bool has = running != state.in_force.end() || inherited != state.inherited.end() || doubtful;
  if (resource && wanted(state, name)) {
    if (auto bad = state.rejected.find(name); bad != state.rejected.end() && bad->second.version == resource->version)
      return Due::kNever;
    bool same = (running != state.in_force.end() && running->second->version == resource->version) ||
                (inherited != state.inherited.end() && inherited->second == resource->version);
    if (same && !doubtful && !state.resend.contains(name)) {
      // The bytes are there already: after a reconnect, or from objects that say the same anew.
      became_ours_ |= state.inherited.erase(name) > 0;
      put_in_force(type, name, resource);
      return Due::kNever;
    }
    bool gated = type == ResourceType::kListener || type == ResourceType::kRoute;
    return !gated || clusters_ready(type, *resource) ? Due::kNow : Due::kLater;
  }
  if (has && (type == ResourceType::kCluster || type == ResourceType::kListener))
    return type == ResourceType::kListener || cluster_removable(name) ? Due::kNow : Due::kLater;
  if (!has && state.names.contains(name) && !state.told_missing.contains(name)) return Due::kNow;
  return Due::kNever;
}

std::optional<DeltaResponse> DeltaSession::next(ResourceType type) {
  TypeState& state = at(type);
  if (!state.started || state.in_flight || !snapshot_) return std::nullopt;
  DeltaResponse out{type, "", {}, {}};
  InFlight flight;
  auto take = [&](const std::string& name) {
    EnvoyResourcePtr resource = wanted(state, name) ? current(type, name) : nullptr;
    state.resend.erase(name);
    flight.resources[name] = resource;
    if (!resource) {
      out.removed.push_back(name);
      state.told_missing.insert(name);
      return;
    }
    state.told_missing.erase(name);
    out.resources.push_back(std::move(resource));
    if (type != ResourceType::kCluster) return;
    at(ResourceType::kEndpoints).resend.insert(name);
    at(ResourceType::kEndpoints).pending.insert(name);
  };

  auto visit = [&](bool suspects) {
    for (auto name = state.pending.begin(); name != state.pending.end();) {
      if (state.doubtful.contains(*name) != suspects) {
        ++name;
        continue;
      }
      switch (due(type, *name)) {
        case Due::kLater: ++name; continue;
        case Due::kNow: take(*name); break;
        case Due::kNever: break;
      }
      name = state.pending.erase(name);
      if (suspects && !flight.resources.empty()) return;
    }
  };
  visit(true);
  // Suspects that have to wait for something hold nobody up: what they wait for may be among the others.
  if (flight.resources.empty()) visit(false);
  bool first_answer = state.wildcard && !state.answered && state.pending.empty();
  if (flight.resources.empty() && !first_answer) return std::nullopt;
  state.answered = true;
  flight.nonce = out.nonce = std::to_string(next_nonce_++);
  state.in_flight = std::move(flight);
  return out;
}

std::vector<DeltaResponse> DeltaSession::flush() {
  std::vector<DeltaResponse> out;
  // Clusters wait for route tables, which come later in the order and may turn out to be ours without a message.
  do {
    became_ours_ = false;
    for (ResourceType type : kResourceTypes)
      if (auto response = next(type)) out.push_back(std::move(*response));
  } while (became_ours_);
  return out;
}

Progress DeltaSession::progress_of(const SourceRef& source) const {
  Progress out;
  if (!snapshot_) return out;
  for (const ResourceKey& key : snapshot_->carriers(source)) {
    const TypeState& state = at(key.type);
    if (!state.started || !wanted(state, key.name)) continue;
    if (!out.subscribed) out.subscribed = out.acked = true;
    auto running = state.in_force.find(key.name);
    if (running != state.in_force.end() && running->second->carries(source)) continue;
    out.acked = false;
    auto bad = state.rejected.find(key.name);
    if (bad != state.rejected.end() && bad->second.version == current(key.type, key.name)->version)
      out.rejection = bad->second.text;
  }
  return out;
}

std::map<SourceRef, Progress> DeltaSession::take_progress() {
  std::map<SourceRef, Progress> out;
  for (const SourceRef& source : std::exchange(touched_, {})) out[source] = progress_of(source);
  return out;
}

std::set<std::string> DeltaSession::take_released() { return std::exchange(released_, {}); }

bool DeltaSession::in_use(const std::string& address) const {
  auto reaches = [&](const EnvoyResourcePtr& resource) {
    return resource && std::binary_search(resource->addresses.begin(), resource->addresses.end(), address);
  };
  const TypeState& state = at(ResourceType::kEndpoints);
  for (const auto* some : {&state.in_force, &state.doubtful})
    for (const auto& [name, resource] : *some)
      if (reaches(resource)) return true;
  if (state.in_flight)
    for (const auto& [name, resource] : state.in_flight->resources)
      if (reaches(resource)) return true;
  return false;
}

bool DeltaSession::settled() const {
  if (!snapshot_) return false;
  for (ResourceType type : kResourceTypes) {
    const TypeState& state = at(type);
    if (state.in_flight) return false;
    for (const auto& [name, resource] : snapshot_->of(type)) {
      if (!state.started || !wanted(state, name)) continue;
      auto running = state.in_force.find(name);
      bool has = running != state.in_force.end() && running->second->version == resource->version;
      auto bad = state.rejected.find(name);
      bool refused = bad != state.rejected.end() && bad->second.version == resource->version;
      if (!has && !refused) return false;
    }
  }
  return true;
}

}  // namespace serin::mesh
