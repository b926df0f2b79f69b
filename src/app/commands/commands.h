#pragma once

/// The subcommands of `serin`, one function each. They print to standard output, explain failures on standard error
/// with a next step, and return the exit status: 0 yes or done, 1 ran fine but the answer is no (a diff exists, a
/// release is degraded), 2 usage or runtime error.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"

namespace serin::app {

inline constexpr int kExitYes = 0, kExitNo = 1, kExitError = 2;

/// How a command finds the API servers, and how it prints.
struct GlobalFlags {
  std::string state, kubeconfig, output;
};

struct UpFlags {
  std::string state;
  int clusters = 1;
  uint16_t api_port = 6443;
  std::vector<std::string> images;   ///< "pattern=command"
  std::vector<std::string> without;  ///< roles
  std::string envoy;
  std::string token_file, audit_log, audit_policy;
  bool verbose = false;
};
int up(const UpFlags& flags);

/// Ends what pods of a state directory run; refuses while a `serin up` runs on it.
struct DownFlags {
  std::string state;
};
int down(const DownFlags& flags);

/// Every object of every cluster into one file, from a running `serin up` or a state directory at rest; and back, into
/// one at rest. The certificates in <state>/pki are not part of it.
struct BackupFlags {
  std::string state, file;
};
int backup(const BackupFlags& flags);
int restore(const BackupFlags& flags);

struct DemoFlags {
  std::string state;
  std::string envoy;
  Duration step_pause = std::chrono::seconds(10);
  int requests_per_second = 200;
  uint16_t api_port = 0;
  bool exit = false;
  bool verbose = false;
};
int demo(const DemoFlags& flags);

/// An Application in the hub.
struct AppFlags {
  GlobalFlags global;
  std::string name;
  std::string repo, path, revision = "HEAD", cluster, ns = "default";
  bool automatic = false, prune = false, dry_run = false, create_namespace = true, wait = true, cascade = true;
  Duration timeout = std::chrono::minutes(5);
};
int app_create(const AppFlags& flags);
int app_sync(const AppFlags& flags);
int app_list(const AppFlags& flags);
int app_get(const AppFlags& flags);
int app_diff(const AppFlags& flags);
int app_delete(const AppFlags& flags);

/// A Rollout in a work cluster.
struct ReleaseFlags {
  GlobalFlags global;
  std::string name, cluster, ns;
  bool all_namespaces = false, watch = false, full = false;
  int64_t revision = 0;
};
int release_list(const ReleaseFlags& flags);
int release_get(const ReleaseFlags& flags);
int release_promote(const ReleaseFlags& flags);
int release_abort(const ReleaseFlags& flags);
int release_retry(const ReleaseFlags& flags);
int release_pause(const ReleaseFlags& flags);
int release_resume(const ReleaseFlags& flags);
int release_undo(const ReleaseFlags& flags);
int release_why(const ReleaseFlags& flags);

/// Hidden: what pods run.
int proxy(const std::string& type);
int shim(const std::vector<std::string>& arguments);

}  // namespace serin::app
