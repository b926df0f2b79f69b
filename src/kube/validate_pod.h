#pragma once

/// Validation of pod specs: the part of builtin_validation.h that pods and all workloads share. Pure.

#include <string>

#include "data/json.h"
#include "kube/causes.h"

namespace serin::kube {

/// `path` is where the spec stands: "spec" or "spec.template.spec".
void validate_pod_spec(const json::value& spec, const std::string& path, Causes& causes);
/// Template labels and spec.
void validate_template(const json::value& pod_template, const std::string& path, Causes& causes);
/// A port number: 1 to 65535.
void validate_port_number(const json::value* v, std::string path, Causes& causes);

}  // namespace serin::kube
