#pragma once

/// What is worth recording: the Policy of audit.k8s.io/v1, whose first matching rule decides. Immutable. Pure but for
/// `load`.

#include <string>
#include <string_view>
#include <vector>

#include "apiserver/auth/access.h"
#include "base/error.h"

namespace serin::apiserver::audit {

enum class Level { kNone, kMetadata, kRequest };
std::string_view level_name(Level);

class Policy {
 public:
  /// Metadata of every write; the policy where none is given.
  static Policy writes();
  /// A YAML or JSON document of kind Policy. `RequestResponse` counts as Request: answers are not recorded. `omitStages`
  /// is read for ResponseStarted and ResponseComplete. kInvalid names what is wrong.
  static Result<Policy> parse(std::string_view text);
  static Result<Policy> load(const std::string& path);

  struct Verdict {
    Level level = Level::kNone;
    bool started = true, complete = true;  ///< which stages to record
  };
  Verdict judge(const AccessRequest&) const;

 private:
  struct Resources {
    std::string group;
    std::vector<std::string> resources, names;
  };
  struct Rule {
    Verdict verdict;
    std::vector<std::string> users, groups, verbs, namespaces, urls;
    std::vector<Resources> resources;
    bool matches(const AccessRequest&) const;
  };
  std::vector<Rule> rules_;
};

/// Whether the body of such a request is a secret and is never recorded: Secrets, TokenReviews and TokenRequests.
bool is_secret(const AccessRequest&);

}  // namespace serin::apiserver::audit
