#include "cli/evaluate_command.h"

#include <ctime>
#include <iostream>
#include <map>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/app.h"
#include "evaluate/evaluator.h"
#include "evaluate/json.h"
#include "inspect/dump.h"
#include "kube/read_file.h"

namespace fairway::cli {

using evaluate::Evaluator;
using nlohmann::json;

namespace {

constexpr std::size_t kMaxDump = 512U << 20U;

// A message out of a dump, where it stands in an Any, alone.
json plain(json message) {
  if (message.is_object()) message.erase("@type");
  return message;
}

class Listeners {
 public:
  Result<void> add(const json& config, const json& routes, std::string name) {
    auto evaluator = Evaluator::fromJson(plain(config));
    if (!evaluator) return tl::unexpected(evaluator.error());
    for (const auto& each : routes) {
      if (const auto added = evaluator->addRoutes(plain(each)); !added) return added;
    }
    if (name.empty()) name = evaluator->name();
    evaluators_.insert_or_assign(std::move(name), std::move(*evaluator));
    return {};
  }

  // Listeners of a dump as `fairway proxy-config` reads them, or a list of listeners as its `listeners -o json` prints them.
  Result<void> addDump(const std::string& text) {
    const auto value = json::parse(text, nullptr, false);
    if (value.is_array()) {
      for (const auto& each : value) {
        if (const auto added = add(each, json::array(), {}); !added) return added;
      }
      return {};
    }
    const auto dump = inspect::parseDump(text);
    if (!dump) return tl::unexpected(dump.error());
    const Evaluator* first = nullptr;  // a dump may have thousands of virtual hosts: they are read once
    for (const auto& listener : dump->of(inspect::Type::listener)) {
      auto evaluator = Evaluator::fromJson(plain(listener.config));
      if (!evaluator) return tl::unexpected(evaluator.error().within(listener.name));
      if (first != nullptr) {
        evaluator->shareRoutes(*first);
      } else if (const auto added = addRoutes(*dump, *evaluator); !added) {
        return added;
      }
      first = &evaluators_.insert_or_assign(listener.name, std::move(*evaluator)).first->second;
    }
    return {};
  }

  [[nodiscard]] const Evaluator* find(const std::string& name) const {
    const auto found = evaluators_.find(name);
    return found == evaluators_.end() ? nullptr : &found->second;
  }

 private:
  static Result<void> addRoutes(const inspect::Dump& dump, Evaluator& evaluator) {
    for (const auto& routes : dump.of(inspect::Type::route)) {
      if (const auto added = evaluator.addRoutes(plain(routes.config)); !added) return added;
    }
    for (const auto& host : dump.of(inspect::Type::virtual_host)) {
      const auto table = host.name.substr(0, host.name.rfind('/'));
      if (const auto added = evaluator.addVirtualHost(table, plain(host.config)); !added) return added;
    }
    return {};
  }

  std::map<std::string, Evaluator> evaluators_;
};

Result<std::string> answer(Listeners& listeners, const std::string& line, bool explain) {
  auto value = json::parse(line, nullptr, false);
  if (!value.is_object()) return failure("no JSON object");
  const auto name = value.value("listener", json());
  if (!name.is_string()) return failure("listener: expected a name");
  if (value.contains("config")) {
    const auto added = listeners.add(value["config"], value.value("routes", json::array()), name.get<std::string>());
    if (!added) return tl::unexpected(added.error());
    return std::string();
  }
  const auto* evaluator = listeners.find(name.get<std::string>());
  if (!evaluator) return failure("there is no listener \"" + name.get<std::string>() + "\"");
  const auto id = value.value("id", json());
  value.erase("listener");
  value.erase("id");
  auto question = evaluate::questionFromJson(value);
  if (!question) return tl::unexpected(question.error());
  if (question->now == 0) question->now = std::time(nullptr);
  auto result = evaluate::toJson(evaluator->evaluate(*question, explain));
  if (!id.is_null()) result["id"] = id;
  return result.dump(-1, ' ', false, json::error_handler_t::replace);
}

struct EvaluateCommand {
  std::string file;
  bool explain = false;

  [[nodiscard]] int run() const {
    std::string dump;
    if (!file.empty()) {
      auto text = kube::readFile(file, kMaxDump);
      if (!text) {
        std::cerr << "fairway evaluate: " << file << ": " << text.error().message << "\n";
        return exitFailure;
      }
      dump = std::move(*text);
    }
    std::ios::sync_with_stdio(false);
    if (const auto answered = answerLines(std::cin, std::cout, dump, explain); !answered) {
      std::cout.flush();
      std::cerr << "fairway evaluate: " << answered.error().message << "\n";
      return exitFailure;
    }
    return exitOk;
  }
};

}  // namespace

Result<void> answerLines(std::istream& in, std::ostream& out, const std::string& dump, bool explain) {
  Listeners listeners;
  if (!dump.empty()) {
    if (const auto added = listeners.addDump(dump); !added) return added;
  }
  std::size_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.empty()) continue;
    const auto said = answer(listeners, line, explain);
    if (!said) return tl::unexpected(said.error().within("line " + std::to_string(number)));
    if (!said->empty()) out << *said << "\n";
  }
  out.flush();
  if (!out) return failure("standard output cannot be written");
  return {};
}

void addEvaluate(CLI::App& app, int& exitCode) {
  auto* sub = app.add_subcommand("evaluate", "Say what an Envoy would do with requests, from its configuration");
  sub->group("Data plane");
  auto command = std::make_shared<EvaluateCommand>();
  sub->add_option("-f,--file", command->file,
                  "Listeners: a dump of Envoy's /config_dump or the control plane's, or a JSON list of listeners")
      ->type_name("FILE");
  sub->add_flag("--explain", command->explain, "Say of each policy which of its conditions hold");
  sub->footer(
      "\nReads questions from standard input and answers each, one JSON object a line; docs/reference/evaluate.md\n"
      "tells what they hold. For a single question about a workload, `fairway authz check` is easier.\n\n"
      "Examples:\n"
      "  fairway proxy-config listeners web-0.shop -o json > listeners.json\n"
      "  echo '{\"listener\": \"virtualInbound\", \"connection\": {\"port\": 8080}, \"request\": {\"path\": \"/\"}}' "
      "|\n"
      "      fairway evaluate -f listeners.json\n\n"
      "Exit codes: 0 every line was answered, 1 one could not be read, 64 wrong usage.");
  sub->callback([command, &exitCode] { exitCode = command->run(); });
}

}  // namespace fairway::cli
