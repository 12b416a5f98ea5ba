#pragma once

#include <optional>
#include <string>

namespace CLI {
class App;
}

namespace fairway::cli {

// A completion script for `bash`, `zsh` or `fish`, made from the application's own subcommands and flags;
// nothing for another shell.
std::optional<std::string> completionScript(const CLI::App& app, const std::string& shell);

}  // namespace fairway::cli
