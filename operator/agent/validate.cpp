#include "agent/validate.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/connect.h"
#include "base/strings.h"

namespace fairway::agent {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kPollMilliseconds = 50;
constexpr std::size_t kMaxOutput = 64 * 1024, kMaxWords = 500;
constexpr std::string_view kMarker = "error initializing configuration ";

// In the child, between fork and exec: async-signal-safe calls only.
[[noreturn]] void execute(char* const* arguments, int output) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  ::close_range(3, ~0U, 0);
  ::execve(arguments[0], arguments, environ);
  ::_exit(127);
}

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

// Appends what there is to read, without waiting. False at the end.
bool drainPipe(int descriptor, std::string& output) {
  std::array<char, 4096> buffer{};
  for (;;) {
    const auto count = ::read(descriptor, buffer.data(), buffer.size());
    if (count > 0) {
      const auto room = kMaxOutput - std::min(kMaxOutput, output.size());
      output.append(buffer.data(), std::min(room, static_cast<std::size_t>(count)));
    } else if (count == 0) {
      return false;
    } else if (errno != EINTR) {
      return errno == EAGAIN;
    }
  }
}

}  // namespace

Result<void> validateBootstrap(const std::string& envoy, const std::string& file, std::chrono::milliseconds limit,
                               const std::function<bool()>& stopped) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return failure(std::string("pipe: ") + std::strerror(errno));
  const Socket reading(ends[0]);
  Socket writing(ends[1]);
  ::fcntl(reading.get(), F_SETFL, O_NONBLOCK);
  std::vector<std::string> command = {
      envoy,           "--mode", "validate", "--config-path", file, "--log-level", "error", "--disable-hot-restart",
      "--concurrency", "1"};
  std::vector<char*> arguments;
  for (auto& argument : command) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  const auto deadline = Clock::now() + limit;
  const pid_t child = ::fork();
  if (child < 0) return failure(std::string("fork: ") + std::strerror(errno));
  if (child == 0) execute(arguments.data(), writing.get());
  ::close(writing.release());

  std::string output;
  int status = 0;
  for (;;) {
    pollfd waiting{reading.get(), POLLIN, 0};
    ::poll(&waiting, 1, kPollMilliseconds);
    const bool open = drainPipe(reading.get(), output);
    if (!open || ::waitpid(child, &status, WNOHANG) == child) {
      if (!open) ::waitpid(child, &status, 0);
      break;
    }
    const bool late = Clock::now() >= deadline;
    if (!late && !stopped()) continue;
    ::kill(child, SIGKILL);
    ::waitpid(child, &status, 0);
    return failure(late ? "Envoy does not say in time whether it would start" : "the proxy is shutting down");
  }
  drainPipe(reading.get(), output);
  // It says this last: what happens while it takes itself down is of no interest.
  if ((WIFEXITED(status) && WEXITSTATUS(status) == 0) || trim(output).ends_with("' OK")) return {};
  return failure("Envoy would not start: " + wordsOf(output));
}

}  // namespace fairway::agent
