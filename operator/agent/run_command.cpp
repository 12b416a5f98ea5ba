#include "agent/run_command.h"

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

namespace fairway::agent {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kPollMilliseconds = 50;
constexpr std::size_t kMaxOutput = 64 * 1024;
constexpr int kCannotExecute = 127;  // as shells have it

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
  ::execvp(arguments[0], arguments);
  ::_exit(kCannotExecute);
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

Result<CommandResult> runCommand(std::vector<std::string> command, std::chrono::milliseconds limit,
                                 const std::function<bool()>& stopped) {
  if (command.empty()) return failure("there is no command");
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return failure(std::string("pipe: ") + std::strerror(errno));
  const Socket reading(ends[0]);
  Socket writing(ends[1]);
  ::fcntl(reading.get(), F_SETFL, O_NONBLOCK);
  std::vector<char*> arguments;
  for (auto& argument : command) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  const auto deadline = Clock::now() + limit;
  const pid_t child = ::fork();
  if (child < 0) return failure(std::string("fork: ") + std::strerror(errno));
  if (child == 0) execute(arguments.data(), writing.get());
  ::close(writing.release());

  CommandResult result;
  int status = 0;
  for (;;) {
    pollfd waiting{reading.get(), POLLIN, 0};
    ::poll(&waiting, 1, kPollMilliseconds);
    const bool open = drainPipe(reading.get(), result.output);
    // Who closes its streams need not be over yet.
    if (!open) ::poll(nullptr, 0, 1);
    if (::waitpid(child, &status, WNOHANG) == child) break;
    const bool late = Clock::now() >= deadline;
    if (!late && !stopped()) continue;
    if (::kill(-child, SIGKILL) != 0) ::kill(child, SIGKILL);
    ::waitpid(child, &status, 0);
    return failure(late ? "it was not over in time, " + std::to_string(limit.count()) + " ms"
                        : "the agent is shutting down");
  }
  drainPipe(reading.get(), result.output);
  if (WIFEXITED(status) && WEXITSTATUS(status) == kCannotExecute && result.output.empty()) {
    return failure("cannot execute " + command.front());
  }
  result.succeeded = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  return result;
}

}  // namespace fairway::agent
