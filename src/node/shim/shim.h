#pragma once

/// The supervisor of one container: a small process of its own, so that containers outlive the agent.
///
/// It starts the program in its own session with its namespaces and bind filter, writes its output to the log,
/// answers its binds, adopts and ends its orphans, and records what became of it in DIR/state.json. It dies with
/// nothing left behind; the program dies with it.
///
/// Signals (sigqueue by whoever holds DIR's ProcessRef): SIGTERM with a value asks the program's group to end,
/// and kills what is left after that many milliseconds; a second one can only shorten the wait.
///
/// Commands of the hidden subcommand `shim`:
///   run DIR                           start the container that DIR/spec.json describes, return when it runs;
///                                     exit status 1 with the reason on standard error when it could not start
///   exec DIR TIMEOUT_MS PROGRAM ARGS  run PROGRAM in DIR's container; the result goes to descriptor 3 as JSON
///                                     {"exitCode":n,"timedOut":bool,"error":"..."}
///   probe DIR                         print what this kernel allows: {"namespaces":"","moveBinds":""} where ""
///                                     is yes and anything else the reason why not

#include <string>
#include <vector>

namespace serin::node {

/// `args` begin after the word `shim`. The exit status of the process. One thread, called from main.
int shim_main(const std::vector<std::string>& args);

namespace shim {
int run(const std::string& directory);
int exec(const std::string& directory, int64_t timeout_ms, const std::vector<std::string>& argv);
int probe(const std::string& directory);

/// execve with a search in the PATH of `env`. Returns only on failure, with the reason.
std::string execute(const std::vector<std::string>& argv, const std::vector<std::string>& env);
/// Kills every child, and the orphans that become children, until there is none. Needs a subreaper's caller.
void kill_all_children();
}  // namespace shim

}  // namespace serin::node
