#pragma once

/// What a request for a pod's log asks for (core/v1 PodLogOptions as query parameters). Pure.

#include "apiserver/hooks.h"
#include "kube/object.h"
#include "net/http.h"

namespace serin::apiserver {

/// kBadRequest, in Kubernetes' words, where the container cannot be told, is not of this pod, has not started, or has
/// no earlier run to show; kInvalid for options that make no sense.
Result<LogOptions> read_log_options(const net::Request&, const kube::Object& pod, TimePoint now);

}  // namespace serin::apiserver
