#pragma once

/// What the two places select: the hash in a Service's selector or in a DestinationRule subset's labels. Pure;
/// only the hash and the annotation that says who wrote it are touched.

#include <optional>
#include <string>
#include <vector>

#include "client/write.h"
#include "rollout/observed.h"

namespace serin::rollout {

/// The hash in a Service's selector; empty where it selects by the application's labels alone.
std::string service_hash(const Object& service);
/// The hash in a subset's labels; nullopt where there is no such subset.
std::optional<std::string> subset_hash(const Object& destination_rule, const std::string& subset);

/// Empty where the Service selects `hash` already.
std::vector<client::Write> select_in_service(const Object& service, const std::string& hash,
                                             const std::string& rollout);
/// Sets both subsets at once. Empty where both have their hash already.
std::vector<client::Write> select_in_subsets(const kube::Resource&, const Object& destination_rule,
                                             const DestinationRuleRef& subsets,
                                             const std::string& stable_hash, const std::string& canary_hash,
                                             const std::string& rollout);

/// Takes the hash and the annotation away from objects that a deleted Rollout has left behind.
std::vector<client::Write> release(const std::vector<Object>& services,
                                   const std::vector<Object>& destination_rules, const TrafficResources&);

}  // namespace serin::rollout
