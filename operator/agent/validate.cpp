#include "agent/validate.h"

#include "agent/run_command.h"
#include "base/strings.h"

namespace fairway::agent {
namespace {

constexpr std::size_t kMaxWords = 500;
constexpr std::string_view kMarker = "error initializing configuration ";

// What of the output says why: the text behind "error initializing configuration 'file': ", else the last line.
std::string wordsOf(std::string_view output) {
  output = trim(output);
  if (const auto marker = output.find(kMarker); marker != std::string_view::npos) {
    output.remove_prefix(marker + kMarker.size());
    if (const auto colon = output.find(": "); colon != std::string_view::npos) output.remove_prefix(colon + 2);
  } else if (const auto line = output.rfind('\n'); line != std::string_view::npos) {
    output.remove_prefix(line + 1);
  }
  return output.empty() ? "it says nothing" : std::string(output.substr(0, kMaxWords));
}

}  // namespace

Result<void> validateBootstrap(const std::string& envoy, const std::string& file, std::chrono::milliseconds limit,
                               const std::function<bool()>& stopped) {
  const auto done = runCommand({envoy, "--mode", "validate", "--config-path", file, "--log-level", "error",
                                "--disable-hot-restart", "--concurrency", "1"},
                               limit, stopped);
  if (!done) return failure("Envoy does not say whether it would start: " + done.error().message);
  // It says this last: what happens while it takes itself down is of no interest.
  if (done->succeeded || trim(done->output).ends_with("' OK")) return {};
  return failure("Envoy would not start: " + wordsOf(done->output));
}

}  // namespace fairway::agent
