#pragma once

/// What `serin release get` shows: one Rollout with its revisions, ReplicaSets and pods as a value, as text and as
/// JSON. Pure.

#include <string>
#include <vector>

#include "kube/blocker.h"
#include "rollout/observed.h"

namespace serin::rollout {

struct PodView {
  std::string name, status;  ///< status as kubectl prints it: "Running", "CrashLoopBackOff", "Terminating"
  bool ready = false;
  int64_t restarts = 0;
  std::optional<TimePoint> created;
};

struct ReplicaSetView {
  std::string name, hash, status;  ///< "Healthy", "Progressing", "ScaledDown"
  bool stable = false, canary = false;
  int64_t wanted = 0, available = 0;
  std::optional<TimePoint> created, deadline;
  std::vector<std::string> images;
  std::vector<PodView> pods;
};

struct RevisionView {
  int64_t revision = 0;
  ReplicaSetView replica_set;
};

struct ReleaseView {
  NamespacedName name;
  std::string phase, message;          ///< as a client shall read them: unobserved changes count as Progressing
  std::string strategy = "Canary";
  int64_t step = 0, steps = 0;         ///< steps done
  std::string step_text;               ///< the step being taken; empty when all are done
  bool weighted = false;
  int64_t set_weight = 0;              ///< what the steps ask for
  int64_t actual_weight = 0;           ///< what the routes say (without traffic routing: the share of pods)
  std::optional<bool> acknowledged;    ///< by every proxy; none: nobody reports
  struct Image {
    std::string image;
    bool stable = false, canary = false;
  };
  std::vector<Image> images;
  int64_t desired = 0, current = 0, updated = 0, ready = 0, available = 0;
  std::vector<RevisionView> revisions;  ///< newest first
  std::vector<kube::Blocker> blockers;

  bool degraded() const { return phase == "Degraded"; }
};

/// `observed` with pods where they shall be shown.
ReleaseView release_view(const Observed&, TimePoint now);

struct TextOptions {
  bool color = false;
  bool ascii = false;  ///< no symbols beyond ASCII
};
/// Several lines, each ended; ages are counted from `now`.
std::string render(const ReleaseView&, TimePoint now, const TextOptions& = {});
/// One word with its symbol, for lists: "✔ Healthy".
std::string phase_text(const std::string& phase, const TextOptions& = {});
json::value to_json(const ReleaseView&);

}  // namespace serin::rollout
