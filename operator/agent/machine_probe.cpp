#include "agent/machine_probe.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "agent/run_command.h"
#include "agent/statsd.h"
#include "base/strings.h"

namespace fairway::agent {
namespace {

using nlohmann::json;

constexpr const char* kUserAgent = "fairway-probe/1";
constexpr std::int64_t kLongest = 24 * 3600;  // seconds
constexpr std::size_t kMaxWords = 300;

// What a field says, within reason; 0, as Kubernetes has it, is the default.
std::int64_t numberOf(const json& probe, const char* field, std::int64_t usual) {
  const auto found = probe.find(field);
  if (found == probe.end() || !found->is_number_integer() || *found <= 0) return usual;
  return std::min(kLongest, found->get<std::int64_t>());
}

Result<std::vector<std::string>> commandOf(const json& exec) {
  std::vector<std::string> command;
  const auto found = exec.is_object() ? exec.find("command") : exec.end();
  if (!exec.is_object() || found == exec.end() || !found->is_array())
    return failure("exec.command: expected a list of texts");
  for (const auto& part : *found) {
    if (!part.is_string()) return failure("exec.command: expected a list of texts");
    command.push_back(part.get<std::string>());
  }
  if (command.empty() || command.front().empty()) return failure("exec.command: expected a command with its arguments");
  return command;
}

// A host that is a name is looked up anew each time, and asked by its name.
Result<AppProbe> located(AppProbe probe) {
  if (probe.ignoredHost.empty()) return probe;
  const auto address = resolveStatsd(Address{probe.ignoredHost, probe.port, {}}.toString(), probe.timeout);
  if (!address) return tl::unexpected(address.error());
  const bool named = std::any_of(probe.headers.begin(), probe.headers.end(),
                                 [](const auto& header) { return toLower(header.first) == "host"; });
  if (!named) probe.headers.emplace_back("Host", probe.ignoredHost + ":" + std::to_string(probe.port));
  probe.host = address->host;
  return probe;
}

std::string lastWords(std::string_view text) {
  text = trim(text);
  if (const auto line = text.rfind('\n'); line != std::string_view::npos) text.remove_prefix(line + 1);
  std::string words(text.substr(0, kMaxWords));
  // What goes into a message is text.
  std::replace_if(
      words.begin(), words.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return words;
}

}  // namespace

Result<MachineProbe> parseMachineProbe(const std::string& text) {
  const auto parsed = json::parse(text, nullptr, false);
  if (!parsed.is_object()) return failure("expected a JSON object");
  MachineProbe probe;
  if (const auto exec = parsed.find("exec"); exec != parsed.end() && !exec->is_null()) {
    auto command = commandOf(*exec);
    if (!command) return tl::unexpected(command.error());
    probe.command = std::move(*command);
    probe.target.timeout = std::chrono::seconds(numberOf(parsed, "timeoutSeconds", probe.target.timeout.count()));
  } else {
    auto target = parseProbe(text);
    if (!target) return tl::unexpected(target.error());
    probe.target = std::move(*target);
  }
  probe.initialDelay = std::chrono::seconds(numberOf(parsed, "initialDelaySeconds", 0));
  probe.period = std::chrono::seconds(numberOf(parsed, "periodSeconds", probe.period.count()));
  probe.successes = static_cast<unsigned>(numberOf(parsed, "successThreshold", probe.successes));
  probe.failures = static_cast<unsigned>(numberOf(parsed, "failureThreshold", probe.failures));
  return probe;
}

std::optional<MachineHealth> ProbeState::take(const Result<void>& outcome) {
  const bool good = outcome.has_value();
  if (known_ && known_->healthy == good) {
    row_ = 0;
    return std::nullopt;
  }
  ++row_;
  // Of a machine that nothing is known of the first failure tells what is wrong; it is not healthy either way.
  const auto enough = good ? successes_ : known_ ? failures_ : 1;
  if (row_ < enough) return std::nullopt;
  row_ = 0;
  known_ = MachineHealth{good, good ? "" : outcome.error().message.substr(0, kMaxWords)};
  return known_;
}

Result<void> runMachineProbe(const MachineProbe& probe, const AppSide& app, const std::function<bool()>& stopped) {
  if (!probe.command.empty()) {
    const auto done = runCommand(probe.command, probe.target.timeout, stopped);
    if (!done) return failure(probe.command.front() + ": " + done.error().message);
    if (done->succeeded) return {};
    const auto words = lastWords(done->output);
    return failure(probe.command.front() + " failed" + (words.empty() ? "" : ": " + words));
  }
  const auto target = located(probe.target);
  if (!target) return tl::unexpected(target.error());
  const auto reply = runProbe(*target, app, kUserAgent);
  if (reply.status >= 200 && reply.status < 400) return {};
  const auto words = lastWords(reply.body);
  const auto where = (target->host.empty() ? app.ip : target->host) + ":" + std::to_string(target->port);
  return failure(where + (target->kind == AppProbe::Kind::http ? target->path : "") + ": " +
                 (target->kind == AppProbe::Kind::http ? std::to_string(reply.status) + " " : "") + words);
}

}  // namespace fairway::agent
