#pragma once

/// The resources that Serin's own code reads and writes. Everything else is found by discovery.

#include "kube/types.h"

namespace serin::kube {

inline const Resource kNamespaces{"", "v1", "namespaces", "Namespace", false};
inline const Resource kNodes{"", "v1", "nodes", "Node", false};
inline const Resource kPods{"", "v1", "pods", "Pod"};
inline const Resource kServices{"", "v1", "services", "Service"};
inline const Resource kEndpoints{"", "v1", "endpoints", "Endpoints"};
inline const Resource kConfigMaps{"", "v1", "configmaps", "ConfigMap"};
inline const Resource kSecrets{"", "v1", "secrets", "Secret"};
inline const Resource kServiceAccounts{"", "v1", "serviceaccounts", "ServiceAccount"};
inline const Resource kEvents{"", "v1", "events", "Event"};
inline const Resource kDeployments{"apps", "v1", "deployments", "Deployment"};
inline const Resource kReplicaSets{"apps", "v1", "replicasets", "ReplicaSet"};
inline const Resource kJobs{"batch", "v1", "jobs", "Job"};
inline const Resource kPodDisruptionBudgets{"policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget"};
inline const Resource kEndpointSlices{"discovery.k8s.io", "v1", "endpointslices", "EndpointSlice"};
inline const Resource kLeases{"coordination.k8s.io", "v1", "leases", "Lease"};
inline const Resource kCustomResourceDefinitions{"apiextensions.k8s.io", "v1", "customresourcedefinitions",
                                                 "CustomResourceDefinition", false};
inline const Resource kRollouts{"argoproj.io", "v1alpha1", "rollouts", "Rollout"};
inline const Resource kApplications{"argoproj.io", "v1alpha1", "applications", "Application"};
inline const Resource kVirtualServices{"networking.istio.io", "v1", "virtualservices", "VirtualService"};
inline const Resource kDestinationRules{"networking.istio.io", "v1", "destinationrules", "DestinationRule"};
inline const Resource kGateways{"networking.istio.io", "v1", "gateways", "Gateway"};
inline const Resource kMeshes{"serin.io", "v1alpha1", "meshes", "Mesh", false};

}  // namespace serin::kube
