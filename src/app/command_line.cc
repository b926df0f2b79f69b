#include "app/command_line.h"

#include <CLI/CLI.hpp>
#include <functional>
#include <iostream>

#include "app/commands/commands.h"
#include "app/version.h"
#include "base/strings.h"
#include "base/time.h"

namespace serin::app {
namespace {

/// Declares subcommands and remembers which one was asked for.
class CommandLine {
 public:
  CommandLine() {
    root_.name("serin");
    root_.description("Canary releases, driven by Git, in the work clusters of a hosted mesh.");
    root_.set_version_flag("--version", kVersion);
    root_.require_subcommand(1);
    root_.footer("Start with:  serin demo\nHelp on a command:  serin COMMAND --help");
    add_system();
    add_app();
    add_release();
    add_hidden();
  }

  int run(int argc, char** argv) {
    try {
      root_.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      int status = root_.exit(error, std::cout, std::cerr);
      return status == 0 ? kExitYes : kExitError;
    }
    return chosen_();
  }

 private:
  CLI::App* command(CLI::App& parent, const std::string& name, const std::string& description,
                    const std::string& example, std::function<int()> action) {
    CLI::App* added = parent.add_subcommand(name, description);
    added->footer("Example:\n  " + example);
    added->callback([this, action = std::move(action)] { chosen_ = action; });
    return added;
  }

  void add_duration(CLI::App* to, const std::string& flag, Duration& target, const std::string& description) {
    to->add_option_function<std::string>(
          flag,
          [&target, flag](const std::string& text) {
            std::optional<Duration> span = parse_duration(text);
            if (!span) throw CLI::ValidationError(flag, "\"" + text + "\" is no duration such as 30s or 10m");
            target = *span;
          },
          description)
        ->default_str(format_duration(target));
  }

  void add_system() {
    CLI::App* up_command = command(root_, "up", "Run the whole system on this machine, in the foreground.",
                                   "serin up --clusters 2 --image 'registry/shop:*=/opt/shop/bin/shop'",
                                   [this] { return up(up_); });
    up_command->add_option("--state", up_.state, "state directory (default ~/.local/state/serin)");
    up_command->add_option("--clusters", up_.clusters, "number of work clusters, work-1 ...")
        ->check(CLI::Range(1, 200))
        ->capture_default_str();
    up_command->add_option("--api-port", up_.api_port, "port of the API servers on 127.0.0.1; 0: any free one")
        ->capture_default_str();
    up_command->add_option("--image", up_.images, "program that an image stands for: 'pattern=command'; repeatable")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    up_command
        ->add_option("--without", up_.without,
                     "roles to leave out: node, rollout, gitops, mesh, or a cluster controller such as scheduler")
        ->delimiter(',');
    up_command->add_option("--envoy", up_.envoy, "path of the Envoy binary (default: the one `make deps` fetched)");
    up_command->add_option("--token-file", up_.token_file, "static bearer tokens, one `sha256:HEX,user,uid,\"groups\"` a line, mode 0600");
    CLI::Option* audit_log =
        up_command->add_option("--audit-log", up_.audit_log, "file for the audit log, JSON lines; - for standard output (default: none)");
    up_command->add_option("--audit-policy", up_.audit_policy, "what to record: a Policy of audit.k8s.io/v1 (default: metadata of writes)")
        ->needs(audit_log);
    up_command->add_flag("-v,--verbose", up_.verbose, "log what controllers do");

    command(root_, "down", "End the pods that a stopped `serin up` left running.", "serin down --state /srv/serin",
            [this] { return down(down_); })
        ->add_option("--state", down_.state, "state directory (default ~/.local/state/serin)");

    auto add_backup = [&](const char* name, const char* description, const char* example, int (*action)(const BackupFlags&)) {
      CLI::App* added = command(root_, name, description, example, [this, action] { return action(backup_); });
      added->add_option("file", backup_.file, "the backup, one file")->required();
      added->add_option("--state", backup_.state, "state directory (default ~/.local/state/serin)");
    };
    add_backup("backup", "Write every object of every cluster to one file, while `serin up` runs or not.",
               "serin backup monday.serin", backup);
    add_backup("restore", "Put a backup into a state directory on which no `serin up` runs.",
               "serin restore monday.serin --state /srv/serin", restore);

    CLI::App* demo_command =
        command(root_, "demo", "Play the documented canary on this machine: Git to traffic, by weight and by header.",
                "serin demo --step-pause 10m", [this] { return demo(demo_); });
    add_duration(demo_command, "--step-pause", demo_.step_pause, "length of the timed pauses of the weight story");
    demo_command->add_flag("--exit", demo_.exit, "end with status 0 or 1 instead of staying up");
    demo_command->add_option("--state", demo_.state, "state directory (default: a temporary one)");
    demo_command->add_option("--api-port", demo_.api_port, "port of the API servers; 0: any free one")
        ->capture_default_str();
    demo_command->add_option("--rps", demo_.requests_per_second, "requests a second of the measuring client")
        ->check(CLI::Range(1, 2000))
        ->capture_default_str();
    demo_command->add_option("--envoy", demo_.envoy, "path of the Envoy binary");
    demo_command->add_flag("-v,--verbose", demo_.verbose, "log what controllers do");
  }

  void add_global(CLI::App* to, GlobalFlags& global, bool listing) {
    to->add_option("--state", global.state, "state directory of the running `serin up`");
    to->add_option("--kubeconfig", global.kubeconfig, "kubeconfig with the contexts hub, mesh, work-1 ...");
    if (listing) to->add_option("-o,--output", global.output, "json, yaml, wide or name");
  }

  void add_app() {
    CLI::App* group = root_.add_subcommand("app", "Applications: what Git says should run where.");
    group->require_subcommand(1);
    auto add = [&](const char* name, const char* description, const char* example, int (*action)(const AppFlags&),
                   bool named, bool listing) {
      CLI::App* added = command(*group, name, description, example, [this, action] { return action(app_); });
      if (named) added->add_option("name", app_.name, "name of the application")->required();
      add_global(added, app_.global, listing);
      return added;
    };
    CLI::App* create = add("create", "Make an application.",
                           "serin app create demo --repo https://example.com/repo.git --path rollouts/v1 --cluster "
                           "work-1 --namespace demo",
                           app_create, true, false);
    create->add_option("--repo", app_.repo, "URL or path of the Git repository")->required();
    create->add_option("--path", app_.path, "folder in the repository")->required();
    create->add_option("--revision", app_.revision, "branch, tag or commit")->capture_default_str();
    create->add_option("--cluster", app_.cluster, "work cluster to sync into")->required();
    create->add_option("-n,--namespace", app_.ns, "namespace to sync into")->capture_default_str();
    create->add_flag("--auto", app_.automatic, "sync by itself when Git changes");
    create->add_flag("--prune", app_.prune, "with --auto: delete what Git no longer has");
    CLI::App* sync = add("sync", "Bring a cluster to what Git says, and wait for it.", "serin app sync demo --prune",
                         app_sync, true, false);
    sync->add_flag("--prune", app_.prune, "delete what Git no longer has");
    sync->add_flag("--dry-run", app_.dry_run, "check everything, change nothing");
    sync->add_flag("!--no-wait", app_.wait, "return as soon as the sync is asked for");
    add_duration(sync, "--timeout", app_.timeout, "how long to wait");
    add("list", "All applications.", "serin app list -o wide", app_list, false, true);
    add("get", "One application with its resources.", "serin app get demo", app_get, true, true);
    add("diff", "What a sync would change; status 1 where there is anything.", "serin app diff demo", app_diff, true,
        true);
    CLI::App* remove = add("delete", "Delete an application and what it made.", "serin app delete demo", app_delete,
                           true, false);
    remove->add_flag("!--keep-resources", app_.cascade, "leave what it made where it is");
    add_duration(remove, "--timeout", app_.timeout, "how long to wait");
  }

  void add_release() {
    CLI::App* group = root_.add_subcommand("release", "Releases: how a Rollout's new version takes over.");
    group->require_subcommand(1);
    auto add = [&](const char* name, const char* description, const char* example, int (*action)(const ReleaseFlags&),
                   bool named, bool listing) {
      CLI::App* added = command(*group, name, description, example, [this, action] { return action(release_); });
      if (named) added->add_option("name", release_.name, "name of the Rollout")->required();
      added->add_option("--cluster", release_.cluster, "work cluster (default: every one for list, work-1 otherwise)");
      added->add_option("-n,--namespace", release_.ns, "namespace (default: where the only Rollout of that name is)");
      add_global(added, release_.global, listing);
      return added;
    };
    CLI::App* list = add("list", "All releases.", "serin release list --cluster work-1", release_list, false, true);
    list->add_flag("-A,--all-namespaces", release_.all_namespaces, "every namespace (the default)");
    CLI::App* get = add("get", "One release: steps, weights, versions, pods.", "serin release get dubbo3-provider -n demo -w",
                        release_get, true, true);
    get->add_flag("-w,--watch", release_.watch, "follow it");
    CLI::App* promote = add("promote", "Go on to the next step.", "serin release promote dubbo3-provider -n demo",
                            release_promote, true, false);
    promote->add_flag("--full", release_.full, "skip all remaining steps");
    add("abort", "Send all traffic back to the stable version.", "serin release abort dubbo3-provider -n demo",
        release_abort, true, false);
    add("retry", "Start an aborted release again.", "serin release retry dubbo3-provider -n demo", release_retry, true,
        false);
    add("pause", "Hold a release where it is.", "serin release pause dubbo3-provider -n demo", release_pause, true,
        false);
    add("resume", "Let a held release go on.", "serin release resume dubbo3-provider -n demo", release_resume, true,
        false);
    CLI::App* undo = add("undo", "Release an earlier version again.", "serin release undo dubbo3-provider -n demo --to 3",
                         release_undo, true, false);
    undo->add_option("--to", release_.revision, "revision (default: the one before)");
    add("why", "Why a release is not further; status 1 where something blocks it.",
        "serin release why dubbo3-provider -n demo", release_why, true, true);
  }

  void add_hidden() {
    CLI::App* proxy_command = root_.add_subcommand("proxy", "")->group("");
    proxy_command->add_option("type", proxy_type_)->required();
    proxy_command->callback([this] { chosen_ = [this] { return proxy(proxy_type_); }; });
  }

  CLI::App root_;
  std::function<int()> chosen_;
  UpFlags up_;
  DownFlags down_;
  BackupFlags backup_;
  DemoFlags demo_;
  AppFlags app_;
  ReleaseFlags release_;
  std::string proxy_type_;
};

}  // namespace

int run_command_line(int argc, char** argv) {
  // The shim keeps pods; it has its own arguments and must stay small.
  if (argc > 1 && std::string_view(argv[1]) == "shim") return shim({argv + 2, argv + argc});
  return CommandLine().run(argc, argv);
}

}  // namespace serin::app
