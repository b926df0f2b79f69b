#pragma once

/// How well an object does, as Argo CD judges it. Pure.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kube/object.h"

namespace serin::gitops::health {

/// Best to worst.
enum class Status { kHealthy, kSuspended, kProgressing, kMissing, kDegraded, kUnknown };

std::string_view text(Status status);
/// kUnknown for a word that is none.
Status status_of(std::string_view text);

struct Health {
  Status status = Status::kHealthy;
  std::string message;
  bool operator==(const Health&) const = default;
};

/// nullopt for kinds that say nothing about their health; they don't count.
std::optional<Health> assess(const kube::Object& live);

/// One resource of an application, for the aggregate.
struct Part {
  const kube::Object* live = nullptr;  ///< null where it is missing
  std::optional<Health> health;
};
/// The worst of all parts that count; its message names up to three of them. A missing resource doesn't count,
/// but an application none of whose resources is there is kMissing. An ignored object (annotation
/// argocd.argoproj.io/ignore-healthcheck) and a child Application that is Missing or Unknown don't count either.
Health aggregate(const std::vector<Part>& parts);

}  // namespace serin::gitops::health
