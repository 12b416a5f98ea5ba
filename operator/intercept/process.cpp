#include "intercept/process.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/strings.h"

namespace fairway::intercept {
namespace {

constexpr std::size_t kMaxOutput = 4 << 20;
constexpr int kCannotExecute = 127;  // as shells have it

// Memory with a descriptor: a child reads and writes it without anybody having to keep up, as with pipes.
class MemoryFile {
 public:
  MemoryFile() : descriptor_(::memfd_create("fairway", MFD_CLOEXEC)) {}
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  [[nodiscard]] int get() const { return descriptor_; }

  bool write(std::string_view text) const {
    while (!text.empty()) {
      const auto size = ::write(descriptor_, text.data(), text.size());
      if (size < 0) return false;
      text.remove_prefix(static_cast<std::size_t>(size));
    }
    return ::lseek(descriptor_, 0, SEEK_SET) == 0;
  }

  [[nodiscard]] std::string read() const {
    std::string text;
    std::array<char, 16384> buffer{};
    ::lseek(descriptor_, 0, SEEK_SET);
    for (ssize_t size = 0; text.size() < kMaxOutput && (size = ::read(descriptor_, buffer.data(), buffer.size())) > 0;)
      text.append(buffer.data(), static_cast<std::size_t>(size));
    return text;
  }

 private:
  int descriptor_;
};

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (const auto& text : texts) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

std::vector<std::string> environmentWith(const std::map<std::string, std::string>& added) {
  std::vector<std::string> result;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    if (!added.contains(std::string(text.substr(0, text.find('='))))) result.emplace_back(text);
  }
  for (const auto& [name, value] : added) result.push_back(name + "=" + value);
  return result;
}

// False: it had to be killed.
bool waitFor(pid_t child, std::chrono::seconds timeout, int& status) {
  const auto descriptor = static_cast<int>(::syscall(SYS_pidfd_open, child, 0));
  pollfd waited{descriptor, POLLIN, 0};
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count();
  const bool ended = descriptor < 0 || ::poll(&waited, 1, static_cast<int>(milliseconds)) != 0;
  if (!ended) ::kill(child, SIGKILL);
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (descriptor >= 0) ::close(descriptor);
  return ended;
}

}  // namespace

Result<Outcome> runProgram(const std::vector<std::string>& command, std::string_view input,
                           const std::map<std::string, std::string>& environment, std::chrono::seconds timeout) {
  const MemoryFile in, out, err;
  if (in.get() < 0 || out.get() < 0 || err.get() < 0 || !in.write(input)) {
    return failure(command.front() + ": no memory for its input: " + std::strerror(errno));
  }
  const auto variables = environmentWith(environment);
  const auto arguments = pointers(command), entries = pointers(variables);
  const pid_t child = ::fork();
  if (child < 0) return failure(command.front() + ": fork: " + std::strerror(errno));
  if (child == 0) {
    if (::dup2(in.get(), STDIN_FILENO) < 0 || ::dup2(out.get(), STDOUT_FILENO) < 0 ||
        ::dup2(err.get(), STDERR_FILENO) < 0) {
      ::_exit(kCannotExecute);
    }
    ::execve(arguments[0], arguments.data(), entries.data());
    ::_exit(kCannotExecute);
  }
  int status = 0;
  if (!waitFor(child, timeout, status)) {
    return failure(command.front() + " did not end within " + std::to_string(timeout.count()) + " s");
  }
  return Outcome{WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status), out.read(), err.read()};
}

std::optional<std::string> findProgram(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::string folders = path == nullptr ? "" : path;
  folders += ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  for (const auto& folder : split(folders, ':')) {
    if (folder.empty()) continue;
    auto file = folder + "/" + name;
    if (::access(file.c_str(), X_OK) == 0) return file;
  }
  return std::nullopt;
}

}  // namespace fairway::intercept
