#include "agent/supervisor.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <string_view>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/log.h"

namespace fairway::agent {
namespace {

constexpr std::chrono::milliseconds kDrainPoll{100};
constexpr std::int64_t kLongestPoll = 60'000;  // milliseconds: poll() takes an int
constexpr int kCannotExecute = 127;            // as shells have it

std::string describe(int status) {
  if (WIFSIGNALED(status)) return std::string("killed by signal ") + ::strsignal(WTERMSIG(status));
  return "exit code " + std::to_string(WEXITSTATUS(status));
}

// Our own variables but those that `more` has, and `more`; a null pointer ends it.
std::vector<char*> environmentWith(const std::vector<std::string>& more) {
  std::vector<char*> result;
  for (char** own = environ; own != nullptr && *own != nullptr; ++own) {
    const std::string_view variable = *own;
    const auto name = variable.substr(0, variable.find('=') + 1);
    if (std::none_of(more.begin(), more.end(), [&](const auto& one) { return one.starts_with(name); })) {
      result.push_back(*own);
    }
  }
  for (const auto& one : more) result.push_back(const_cast<char*>(one.c_str()));
  result.push_back(nullptr);
  return result;
}

// In the child, between fork and exec: async-signal-safe calls only.
[[noreturn]] void execute(char* const* arguments, char* const* environment, pid_t parent) {
  ::setpgid(0, 0);  // a terminal's ^C is for the agent, which drains first
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(kCannotExecute);  // it died before prctl
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  ::close_range(3, ~0U, 0);
  ::execve(arguments[0], arguments, environment);
  static constexpr char kMessage[] = "cannot execute the program\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, kMessage, sizeof kMessage - 1);
  ::_exit(kCannotExecute);
}

}  // namespace

Result<std::unique_ptr<Supervisor>> Supervisor::make(SupervisorOptions options) {
  if (options.command.empty() || ::access(options.command.front().c_str(), X_OK) != 0) {
    return failure("cannot execute " + (options.command.empty() ? "nothing" : options.command.front()) + ": " +
                   std::strerror(errno));
  }
  const int event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (event < 0) return failure(std::string("eventfd: ") + std::strerror(errno));
  return std::unique_ptr<Supervisor>(new Supervisor(std::move(options), event));
}

Supervisor::~Supervisor() { ::close(event_); }

void Supervisor::stop() {
  ++stops_;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(event_, &one, sizeof one);
}

void Supervisor::kill(int signal) const {
  if (child_ > 0 && ::kill(-child_, signal) != 0) ::kill(child_, signal);
}

Result<int> Supervisor::startChild() {
  std::vector<char*> arguments;
  for (const auto& argument : options_.command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  auto environment = environmentWith(options_.environment);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return failure(std::string("fork: ") + std::strerror(errno));
  if (pid == 0) execute(arguments.data(), environment.data(), parent);
  ::setpgid(pid, pid);  // also here: whoever comes first
  child_ = pid;
  ++starts_;
  const auto descriptor = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));  // glibc 2.36 declares it for C only
  if (descriptor < 0) {
    const int error = errno;
    kill(SIGKILL);
    ::waitpid(pid, nullptr, 0);
    child_ = 0;
    return failure(std::string("pidfd_open: ") + std::strerror(error));
  }
  return descriptor;
}

// Until the child has ended, which it is helped to once stop() was called.
int Supervisor::superviseChild(int pidfd) {
  enum class Phase { running, draining, terminating, killing } phase = Phase::running;
  constexpr auto kNever = Clock::time_point::max();
  auto deadline = kNever;
  const auto terminate = [&] {
    phase = Phase::terminating;
    deadline = Clock::now() + options_.killAfter;
    kill(SIGTERM);
  };
  for (;;) {
    if (stops_ > 0 && phase == Phase::running) {
      if (options_.drainTime.count() > 0 && stops_ == 1) {
        phase = Phase::draining;
        log().info("draining for at most {} ms", options_.drainTime.count());
        deadline = Clock::now() + options_.drainTime;
        if (options_.drain) options_.drain();
      } else {
        terminate();
      }
    }
    if (stops_ > 1 && phase == Phase::draining) terminate();
    if (phase == Phase::draining && options_.drained && options_.drained()) {
      log().info("drained: nothing is under way any more");
      terminate();
    }
    if (Clock::now() >= deadline) {
      if (phase == Phase::draining) {
        terminate();
      } else if (phase == Phase::terminating) {
        phase = Phase::killing;
        deadline = kNever;
        log().warn("process {} did not end within {} ms of SIGTERM: killing it", child_.load(),
                   options_.killAfter.count());
        kill(SIGKILL);
      }
    }
    pollfd descriptors[] = {{pidfd, POLLIN, 0}, {event_, POLLIN, 0}};
    int timeout = -1;
    if (deadline != kNever) {
      const auto left = std::min<std::int64_t>(
          kLongestPoll, std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count());
      timeout = static_cast<int>(std::max<std::int64_t>(left + 1, 0));
    }
    if (phase == Phase::draining && options_.drained) {
      timeout = std::min(timeout, static_cast<int>(kDrainPoll.count()));
    }
    if (::poll(descriptors, 2, timeout) < 0 && errno != EINTR) log().error("poll: {}", std::strerror(errno));
    if ((descriptors[1].revents & POLLIN) != 0) {
      std::uint64_t count = 0;
      [[maybe_unused]] const auto size = ::read(event_, &count, sizeof count);
    }
    if ((descriptors[0].revents & POLLIN) == 0) continue;
    int status = 0;
    if (::waitpid(child_, &status, WNOHANG) != child_) continue;
    kill(SIGKILL);  // what is left of its group
    child_ = 0;
    return status;
  }
}

// False: stop() was called.
bool Supervisor::pause(std::chrono::milliseconds time) {
  const auto deadline = Clock::now() + time;
  while (stops_ == 0) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return true;
    pollfd descriptor{event_, POLLIN, 0};
    ::poll(&descriptor, 1, static_cast<int>(left));
  }
  return false;
}

Supervisor::End Supervisor::run() {
  unsigned crashes = 0;
  while (stops_ == 0) {
    if (options_.beforeStart) options_.beforeStart();
    const auto started = Clock::now();
    const auto pidfd = startChild();
    std::string problem;
    if (pidfd) {
      log().info("started {} as process {}", options_.command.front(), child_.load());
      const int status = superviseChild(*pidfd);
      ::close(*pidfd);
      if (stops_ > 0) return End::stopped;
      if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        log().info("{} ended by itself", options_.command.front());
        return End::exited;
      }
      problem = describe(status);
    } else {
      problem = pidfd.error().message;
    }
    if (Clock::now() - started >= options_.stableAfter) crashes = 0;
    if (++crashes > options_.maxRestarts) {
      log().error("{} crashed ({}), for the {}th time in a row: giving up", options_.command.front(), problem, crashes);
      return End::crashed;
    }
    const auto backoff = std::min(options_.maxBackoff, options_.firstBackoff * (1U << std::min(crashes - 1, 16U)));
    log().error("{} crashed ({}): starting it again in {} ms", options_.command.front(), problem, backoff.count());
    if (!pause(backoff)) return End::stopped;
  }
  return End::stopped;
}

}  // namespace fairway::agent
