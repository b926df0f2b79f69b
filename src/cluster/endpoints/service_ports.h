#pragma once

/// What a Service's ports are at a pod, and which pods it selects. Pure.

#include <optional>

#include "kube/object.h"

namespace serin::cluster {

inline constexpr char kHeadlessLabel[] = "service.kubernetes.io/headless";

/// {name, port, protocol, appProtocol} of each port of the Service that the pod has. Named target ports are looked up
/// in the pod; one that it has not is left out.
json::array ports_at(const kube::Object& service, const kube::Object& pod);
/// The pod's hostname where the Service is its subdomain; else empty.
std::string_view hostname_in(const kube::Object& service, const kube::Object& pod);
/// Whether endpoints of the Service are made from pods: it has a selector and is no alias.
bool selects_pods(const kube::Object& service);
bool headless(const kube::Object& service);
/// {kind, namespace, name, uid} of a pod.
json::object target_reference(const kube::Object& pod);

}  // namespace serin::cluster
