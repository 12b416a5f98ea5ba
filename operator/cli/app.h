#pragma once

namespace fairway::cli {

// Exit codes of every subcommand, as istioctl's.
enum ExitCode { exitOk = 0, exitFailure = 1, exitUsage = 64, exitFindings = 79 };

// The command line: `fairway SUBCOMMAND ...`. Returns the exit code.
int run(int argc, char** argv);

}  // namespace fairway::cli
