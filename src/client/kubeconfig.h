#pragma once

/// kubeconfig files: which API servers there are and who we are there. Reads what kubectl reads
/// (several files, contexts, embedded and file-based credentials), writes files that kubectl reads.
///
///   Kubeconfig config = SERIN_TRY(Kubeconfig::load(kubeconfig_files(flag, env("KUBECONFIG"),
///   env("HOME")))); KubeContext context = SERIN_TRY(config.context("work-1"));

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "data/json.h"

namespace serin::client {

/// One way to reach one API server, with everything read in: no file of it is needed any more but
/// `token_file`.
struct KubeContext {
  std::string name;
  std::string server;  ///< URL, may have a path: "https://127.0.0.1:6443/clusters/work-1"
  std::string ca_pem;  ///< empty: the system's trust anchors
  bool insecure_skip_tls_verify = false;
  std::string tls_server_name;  ///< empty: the server's host
  std::string certificate_pem, key_pem;
  std::string token;
  std::string
      token_file;  ///< read again now and then, as the token in it is renewed; wins over `token`
  std::string username, password;
  std::string ns;  ///< default namespace; empty: "default"
};

class Kubeconfig {
 public:
  /// One file's text. Relative paths in it start at `directory`. Errors name what is wrong, with
  /// the line where it is not YAML.
  static Result<Kubeconfig> parse(std::string_view yaml, const std::string& directory);
  /// Several files as one: of entries with one name, and of current contexts, the first stands.
  /// Files that do not exist are passed over as long as one exists; kNotFound where none does.
  static Result<Kubeconfig> load(const std::vector<std::string>& files);

  /// In the order they stand.
  std::vector<std::string> context_names() const;
  const std::string& current_context() const { return current_; }
  /// The context named, or the current one for "". kNotFound where there is none, naming those that
  /// are there; kInvalid where its cluster or user is missing or asks for something unsupported
  /// (exec plugins).
  Result<KubeContext> context(const std::string& name = "") const;

 private:
  struct Entry {
    std::string name;
    json::value body;
    std::string directory;  // that relative paths start at
  };
  using Entries = std::vector<Entry>;
  static const Entry* find(const Entries& entries, std::string_view name);
  void merge(Kubeconfig&& other);

  Entries clusters_, users_, contexts_;
  std::string current_;
};

/// Which files hold the configuration: the flag's one; else those of KUBECONFIG, separated by ':';
/// else
/// ~/.kube/config.
std::vector<std::string> kubeconfig_files(const std::string& flag,
                                          const std::string& kubeconfig_variable,
                                          const std::string& home);

/// A kubeconfig with these contexts, credentials embedded; clusters and users bear the contexts'
/// names.
std::string kubeconfig_text(const std::vector<KubeContext>& contexts, const std::string& current);
/// Writes it to `path`, mode 0600, whole or not at all. kForbidden or kUnavailable with the
/// system's reason.
Result<void> write_kubeconfig(const std::string& path, const std::vector<KubeContext>& contexts,
                              const std::string& current);

}  // namespace serin::client
