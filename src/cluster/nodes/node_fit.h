#pragma once

/// Why a node does not take a pod. Pure. Texts are those of the Kubernetes scheduler.

#include <string>

#include "kube/object.h"

namespace serin::cluster {

/// What one node offers and holds.
struct NodeLoad {
  kube::Object node;
  size_t pods = 0;
};

/// Empty where the node takes the pod. Looked at: Ready (as the taint not-ready), spec.unschedulable and taints against
/// tolerations, spec.nodeSelector, required node affinity, the number of pods, and requested resources that the node
/// does not have at all. CPU and memory are not counted: pods are processes of one machine without guarantees.
std::string objection(const kube::Object& pod, const NodeLoad& node);

/// Whether the node fulfils the pod's nodeSelector and required node affinity.
bool matches_node(const kube::Object& pod, const kube::Object& node);

}  // namespace serin::cluster
