#pragma once

namespace serin::app {

/// Parses the command line and runs the subcommand; the exit status.
int run_command_line(int argc, char** argv);

}  // namespace serin::app
