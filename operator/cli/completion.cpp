#include "cli/completion.h"

#include <algorithm>
#include <sstream>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/strings.h"

namespace fairway::cli {

namespace {

struct Flag {
  std::string name;  // "--config"
  std::string description;
  bool takesValue = false;
};

std::vector<Flag> flagsOf(const CLI::App& app) {
  std::vector<Flag> flags;
  for (const auto* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) {
      flags.push_back({"--" + name, option->get_description(), option->get_items_expected_max() > 0});
    }
  }
  return flags;
}

std::string inQuotes(const std::string& text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'') {
      result += "'\\''";
    } else {
      result += c == '\n' ? ' ' : c;
    }
  }
  return result + "'";
}

std::vector<const CLI::App*> subcommands(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* sub) { return !sub->get_name().empty(); });
}

// Its name and aliases.
std::vector<std::string> namesOf(const CLI::App& app) {
  std::vector<std::string> names{app.get_name()};
  names.insert(names.end(), app.get_aliases().begin(), app.get_aliases().end());
  return names;
}

// The flags of a subcommand and of those below it, each once.
std::vector<Flag> allFlagsOf(const CLI::App& app) {
  auto flags = flagsOf(app);
  for (const auto* sub : subcommands(app)) {
    for (auto& flag : flagsOf(*sub)) {
      const auto same = [&](const Flag& known) { return known.name == flag.name; };
      if (std::none_of(flags.begin(), flags.end(), same)) flags.push_back(std::move(flag));
    }
  }
  return flags;
}

// What may follow a subcommand: the names of those below it, and flags.
std::string words(const CLI::App& app) {
  std::string result;
  for (const auto* sub : subcommands(app)) result += sub->get_name() + " ";
  for (const auto& flag : allFlagsOf(app)) result += flag.name + " ";
  return result;
}

std::string bash(const CLI::App& app, bool zsh) {
  std::ostringstream out;
  if (zsh) out << "#compdef " << app.get_name() << "\nautoload -U +X bashcompinit && bashcompinit\n";
  out << "_fairway() {\n  local word=\"${COMP_WORDS[COMP_CWORD]}\" command=\"${COMP_WORDS[1]}\"\n"
      << "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n    COMPREPLY=($(compgen -W \"";
  for (const auto* sub : subcommands(app)) out << sub->get_name() << " ";
  for (const auto& flag : flagsOf(app)) out << flag.name << " ";
  out << "\" -- \"$word\"))\n    return\n  fi\n  case \"$command\" in\n";
  for (const auto* sub : subcommands(app)) {
    out << "    " << join(namesOf(*sub), "|") << ") COMPREPLY=($(compgen -W \"" << words(*sub)
        << "\" -- \"$word\") $(compgen -f -- \"$word\")) ;;\n";
  }
  out << "  esac\n}\ncomplete -o filenames -F _fairway " << app.get_name() << "\n";
  return out.str();
}

std::string fish(const CLI::App& app) {
  std::ostringstream out;
  const auto line = [&](const std::string& condition, const Flag& flag) {
    out << "complete -c " << app.get_name() << " -n " << inQuotes(condition) << " -l " << flag.name.substr(2)
        << (flag.takesValue ? " -r" : "") << " -d " << inQuotes(flag.description) << "\n";
  };
  for (const auto* sub : subcommands(app)) {
    out << "complete -c " << app.get_name() << " -f -n __fish_use_subcommand -a " << sub->get_name() << " -d "
        << inQuotes(sub->get_description()) << "\n";
    const auto seen = "__fish_seen_subcommand_from " + join(namesOf(*sub), " ");
    for (const auto* below : subcommands(*sub)) {
      out << "complete -c " << app.get_name() << " -f -n " << inQuotes(seen) << " -a " << below->get_name() << " -d "
          << inQuotes(below->get_description()) << "\n";
    }
    for (const auto& flag : allFlagsOf(*sub)) line(seen, flag);
  }
  for (const auto& flag : flagsOf(app)) line("__fish_use_subcommand", flag);
  return out.str();
}

}  // namespace

std::optional<std::string> completionScript(const CLI::App& app, const std::string& shell) {
  if (shell == "bash") return bash(app, false);
  if (shell == "zsh") return bash(app, true);
  if (shell == "fish") return fish(app);
  return std::nullopt;
}

}  // namespace fairway::cli
