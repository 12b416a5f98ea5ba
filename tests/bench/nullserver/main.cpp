// A server that computes nothing, for the bench: the floor under each figure. See `nullserver --help`.

#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <sstream>

#include <absl/synchronization/mutex.h>

#include "transport.h"

namespace {

constexpr const char* kHelp = R"(usage: nullserver [--transport callback|queues|nghttp2] [--recorded FILE]

Serves delta xDS on a free port of 127.0.0.1, which it prints, without looking at what is asked: the first request of each type
on a stream is answered with the responses that FILE has of it (as `loadgen` records them), the others not at all. Each line
"BYTES MARKER" on standard input sends one response of so many bytes, with these letters in it, to all streams: the
same buffer.

  --transport callback   gRPC's callback API, from as many threads as `fairway serve` has for that (the default)
              queues     gRPC's asynchronous API, one completion queue and one thread a core
              nghttp2    gRPC's framing on plain HTTP/2, one epoll loop a core
)";

using Serve = std::unique_ptr<nullserver::Transport> (*)(const nullserver::Recordings<std::string>&);

Serve transportNamed(std::string_view name) {
  if (name == "callback") return nullserver::serveOnCallbacks;
  if (name == "queues") return nullserver::serveOnQueues;
  if (name == "nghttp2") return nullserver::serveOnNghttp2;
  return nullptr;
}

void allowManyFiles() {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
}

int run(Serve serve, const std::string& file) {
  const auto transport = serve(file.empty() ? nullserver::Recordings<std::string>{} : nullserver::loadRecordings(file));
  std::cout << transport->port() << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::size_t size = 0;
    std::string marker;
    if (words >> size >> marker) transport->fanOut(nullserver::removal(size, marker));
  }
  std::_Exit(0);  // without waiting for the proxies
}

}  // namespace

int main(int argc, char** argv) {
  // As the control plane has it (discovery/server.cpp).
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  Serve serve = nullserver::serveOnCallbacks;
  std::string file;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const bool value = i + 1 < argc;
    if (argument == "--recorded" && value) {
      file = argv[++i];
    } else if (argument == "--transport" && value && transportNamed(argv[i + 1])) {
      serve = transportNamed(argv[++i]);
    } else {
      std::fputs(kHelp, argument == "--help" ? stdout : stderr);
      return argument == "--help" ? 0 : 64;
    }
  }
  allowManyFiles();
  try {
    return run(serve, file);
  } catch (const std::exception& error) {
    std::cerr << "nullserver: " << error.what() << "\n";
    return 1;
  }
}
