// The targets without libFuzzer, for every build: each seed as it is, then a number of mutations, the same ones each time.
// usage: test_fuzz [TARGET [MUTATIONS]]
#include <google/protobuf/stubs/logging.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include <fcntl.h>
#include <unistd.h>

#include "base/log.h"
#include "fuzz/mutate.h"
#include "fuzz/seeds.h"
#include "fuzz/target.h"

namespace {

using fairway::fuzz::Target;

constexpr std::size_t kMutations = 1500;      // of each target
constexpr std::size_t kMaxBytes = 64 * 1024;  // of an input
constexpr const char* kFile = "fuzz-crash";   // where the input is left that ended the program

std::string current;
const char* currentTarget = "";

void tellInput(int signal) {
  if (const int fd = creat(kFile, 0644); fd >= 0) {
    const auto written = write(fd, current.data(), current.size());
    std::fprintf(stderr, "%s: signal %d; %zd bytes of input in %s\n", currentTarget, signal, written, kFile);
    close(fd);
  }
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void run(const Target& target, std::string input) {
  current = std::move(input);
  target.run(current);
}

void play(const Target& target, std::size_t mutations) {
  currentTarget = target.name.c_str();
  auto seeds = fairway::fuzz::seedsOf(target);
  fairway::fuzz::require(!seeds.empty(), "a target has seeds");
  for (const auto& seed : seeds) run(target, seed);
  // From large inputs, of which there are few, the same number of mutations would take most of the time.
  std::sort(seeds.begin(), seeds.end(), [](const auto& a, const auto& b) { return a.size() < b.size(); });
  std::uint64_t start = 1;
  for (const char c : target.name) start = start * 31 + static_cast<unsigned char>(c);
  fairway::fuzz::Mutator mutator(start);
  for (std::size_t i = 0; i < mutations; ++i) {
    const auto pick = std::min(mutator.below(seeds.size()), mutator.below(seeds.size()));
    run(target, mutator.mutate(seeds[pick], seeds, kMaxBytes));
  }
  std::printf("%-24s %4zu seeds, %zu mutations\n", target.name.c_str(), seeds.size(), mutations);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  (void)fairway::setLogLevels("off");
  google::protobuf::SetLogHandler(nullptr);
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) std::signal(signal, tellInput);
  const std::size_t mutations = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : kMutations;
  std::size_t played = 0;
  for (const auto& target : fairway::fuzz::targets()) {
    if (argc > 1 && target.name != argv[1]) continue;
    play(target, mutations);
    ++played;
  }
  if (played == 0) std::fputs("no such target\n", stderr);
  return played == 0 ? 64 : 0;
}
