// Many proxies in one process, for the bench: see `loadgen --help` and docs/performance.md.

#include <arpa/inet.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <iostream>
#include <optional>
#include <random>

#include <nlohmann/json.hpp>

#include "proxy.h"

namespace loadgen {
namespace {

using nlohmann::json;

constexpr const char* kHelp = R"(usage: loadgen [--sotw] [--sample N]

Opens many xDS streams to a plaintext port of this machine, each on a connection and each as one Envoy. Commands are JSON
objects, one a line, on standard input; answers, with the command's "id", one a line on standard output. Times are
CLOCK_MONOTONIC, in nanoseconds, which all processes of a machine share; per proxy in microseconds since "since".

  {"id": 1, "open": {"port": P, "nodes": [{"id", "ip", "pod", "ns", "account", "labels"}], "record": FILE}}
        adds proxies; FILE gets the first one's responses
  {"id": 2, "settle": {"since": T, "fresh": false, "quiet_ms": 300, "timeout_s": 60}}
        answers when each proxy has all it asked for (fresh: on a stream opened after this command) and nothing came for
        a while: per proxy the time of its last response and the bytes of its stream
  {"id": 3, "wait": {"since": T, "all": [{"type": "endpoint", "contains": "10.9.8.7"}], "timeout_s": 30}}
        says {"armed": true}, then answers when each proxy has received a response (at most 256 KiB) of that type with
        these bytes, for each entry of "all"; types: cluster, endpoint, listener, route, virtual_host
  {"id": 4, "state": {}}    digests of what the sampled proxies hold, and what was wrong with any response
  {"id": 5, "usage": {}}    CPU seconds and peak memory of this process
  {"id": 6, "port": P}      where to reconnect to; lost streams come back by themselves
  {"id": 7, "close": {}}    ends all proxies

  --sotw      state of the world instead of delta (without virtual hosts, as it has none)
  --sample N  every N-th proxy holds bodies against their versions and is listed by "state" (50)
)";

constexpr std::size_t kMarkerLimit = 256 << 10;

std::int64_t monotonic() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

struct Wait {
  json id;
  std::int64_t since = 0, deadline = 0;
  std::vector<std::pair<Type, std::string>> all;
  std::vector<std::uint8_t> seen;  // by proxy: bits of `all`
  std::vector<std::int64_t> at;    // by proxy: when it had all; 0: not yet
  std::size_t left = 0;
  std::uint64_t bytes = 0, messages = 0;  // of responses since
};

struct Settle {
  json id;
  std::int64_t since = 0, deadline = 0, quiet = 0, begun = 0;
  std::vector<std::uint64_t> streams;  // by proxy: must have opened more than these; empty: need not
};

Type typeFromName(const std::string& name) {
  const auto found = std::find(kTypeNames.begin(), kTypeNames.end(), name);
  if (found == kTypeNames.end()) throw std::runtime_error("no type " + name);
  return static_cast<Type>(found - kTypeNames.begin());
}

class LoadGenerator {
 public:
  LoadGenerator(bool sotw, std::size_t sample) : sotw_(sotw), sample_(sample), poll_(epoll_create1(EPOLL_CLOEXEC)) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = kInput;
    epoll_ctl(poll_, EPOLL_CTL_ADD, STDIN_FILENO, &event);
  }

  int run() {
    std::vector<epoll_event> events(512);
    while (true) {
      const int count = epoll_wait(poll_, events.data(), static_cast<int>(events.size()), timeout());
      if (count < 0 && errno != EINTR) return 1;
      for (int i = 0; i < count; ++i) {
        const auto& event = events[static_cast<std::size_t>(i)];
        if (event.data.u64 != kInput) {
          onProxy(event.data.u64, event.events);
        } else if (!onInput()) {
          return 0;
        }
      }
      reconnect();
      check();
    }
  }

 private:
  static constexpr std::uint64_t kInput = ~std::uint64_t{0};

  [[nodiscard]] int timeout() const {
    if (!lost_.empty()) return 2;
    return waits_.empty() && settles_.empty() ? -1 : 20;
  }

  static void say(const json& answer) {
    const auto text = answer.dump() + "\n";
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  }

  bool onInput() {
    char buffer[1 << 16];
    const auto count = read(STDIN_FILENO, buffer, sizeof buffer);
    if (count <= 0) return count < 0 && errno == EINTR;
    input_.append(buffer, static_cast<std::size_t>(count));
    std::size_t at = 0;
    for (auto end = input_.find('\n', at); end != std::string::npos; end = input_.find('\n', at)) {
      const auto line = input_.substr(at, end - at);
      at = end + 1;
      try {
        const auto command = json::parse(line);
        onCommand(command);
      } catch (const std::exception& error) {
        say({{"error", error.what()}, {"command", line.substr(0, 200)}});
      }
    }
    input_.erase(0, at);
    return true;
  }

  void onCommand(const json& command) {
    const auto& id = command.at("id");
    if (command.contains("open")) {
      open(command["open"]);
      say({{"id", id}, {"proxies", proxies_.size()}});
    } else if (command.contains("settle")) {
      const auto& what = command["settle"];
      Settle settle{
          .id = id, .since = what.at("since"), .deadline = 0, .quiet = 0, .begun = monotonic(), .streams = {}};
      settle.deadline = settle.begun + what.value("timeout_s", 60) * 1'000'000'000LL;
      settle.quiet = what.value("quiet_ms", 300) * 1'000'000LL;
      if (what.value("fresh", false)) {
        for (const auto& proxy : proxies_) settle.streams.push_back(proxy->streams);
      }
      settles_.push_back(std::move(settle));
      if (what.value("fresh", false)) say({{"id", id}, {"armed", true}});
    } else if (command.contains("wait")) {
      const auto& what = command["wait"];
      Wait wait{.id = id, .since = what.at("since"), .deadline = 0, .all = {}, .seen = {}, .at = {}};
      wait.deadline = monotonic() + what.value("timeout_s", 30) * 1'000'000'000LL;
      for (const auto& entry : what.at("all")) {
        wait.all.emplace_back(typeFromName(entry.at("type")), entry.at("contains").get<std::string>());
      }
      if (wait.all.empty() || wait.all.size() > 8) throw std::runtime_error("all: one to eight entries");
      wait.seen.resize(proxies_.size());
      wait.at.resize(proxies_.size());
      wait.left = proxies_.size();
      waits_.push_back(std::move(wait));
      say({{"id", id}, {"armed", true}});
    } else if (command.contains("state")) {
      state(id);
    } else if (command.contains("usage")) {
      rusage usage{};
      getrusage(RUSAGE_SELF, &usage);
      const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
      };
      say({{"id", id}, {"cpu_s", seconds(usage.ru_utime) + seconds(usage.ru_stime)}, {"peak_kb", usage.ru_maxrss}});
    } else if (command.contains("port")) {
      port_ = command["port"];
      say({{"id", id}});
    } else if (command.contains("close")) {
      proxies_.clear();
      lost_.clear();
      say({{"id", id}});
    } else {
      throw std::runtime_error("no such command");
    }
  }

  void open(const json& what) {
    port_ = what.at("port");
    for (const auto& node : what.at("nodes")) {
      const auto number = proxies_.size();
      NodeSpec spec{node.at("id"), node.at("ip"), node.at("pod"), node.at("ns"), node.at("account"), node.at("labels")};
      // Each from an address of its own, as pods have.
      const auto source = (127U << 24) + (1U << 16) + static_cast<std::uint32_t>(number) + 1;
      Proxy::Options options{.sotw = sotw_, .record = number == 0 ? what.value("record", "") : ""};
      groups_.push_back(spec.ns + "/" + json(spec.labels).dump());
      proxies_.push_back(std::make_unique<Proxy>(registry_, spec, source, number % sample_ == 0, options));
      connect(number);
    }
  }

  void connect(std::size_t number) {
    auto& proxy = *proxies_[number];
    if (!proxy.connect(port_)) {
      lose(number);
      return;
    }
    watch(number, EPOLL_CTL_ADD);
  }

  void lose(std::size_t number) {
    lastLoss_ = proxies_[number]->why();
    ++losses_;
    proxies_[number]->disconnect();
    lost_.push_back(number);
    lostAt_ = monotonic();
  }

  void watch(std::size_t number, int operation) {
    auto& proxy = *proxies_[number];
    epoll_event event{};
    event.events = EPOLLIN | (proxy.stream()->wantsWrite() ? static_cast<std::uint32_t>(EPOLLOUT) : 0U);
    if (operation == EPOLL_CTL_MOD && event.events == proxy.polled) return;
    proxy.polled = event.events;
    event.data.u64 = number;
    epoll_ctl(poll_, operation, proxy.stream()->fd(), &event);
  }

  void onProxy(std::size_t number, std::uint32_t events) {
    if (number >= proxies_.size() || proxies_[number]->stream() == nullptr) return;
    const bool good = proxies_[number]->ready(
        events, [&](Type type, std::string_view message) { onResponse(number, type, message); });
    if (good) {
      watch(number, EPOLL_CTL_MOD);
    } else {
      lose(number);
    }
  }

  // The more there are, the slower: a server that is starting is not to be kept from it.
  void reconnect() {
    if (lost_.empty()) return;
    const auto pause = std::max<std::int64_t>(2'000'000, static_cast<std::int64_t>(lost_.size()) * 50'000);
    if (monotonic() - lostAt_ < pause) return;
    std::vector<std::size_t> lost;
    lost.swap(lost_);
    for (const auto number : lost) connect(number);
  }

  void onResponse(std::size_t number, Type type, std::string_view message) {
    lastResponse_ = proxies_[number]->lastResponse;
    for (auto& wait : waits_) {
      if (number >= wait.at.size()) continue;
      wait.bytes += message.size() + 5;
      ++wait.messages;
      if (wait.at[number] != 0 || message.size() > kMarkerLimit) continue;
      for (std::size_t i = 0; i < wait.all.size(); ++i) {
        const auto& [wanted, bytes] = wait.all[i];
        if (wanted == type && memmem(message.data(), message.size(), bytes.data(), bytes.size()) != nullptr) {
          wait.seen[number] = static_cast<std::uint8_t>(wait.seen[number] | 1U << i);
        }
      }
      if (wait.seen[number] != (1U << wait.all.size()) - 1) continue;
      wait.at[number] = lastResponse_;
      --wait.left;
    }
  }

  void check() {
    const auto now = monotonic();
    for (auto wait = waits_.begin(); wait != waits_.end();) {
      if (wait->left > 0 && now < wait->deadline) {
        ++wait;
        continue;
      }
      json answer{{"id", wait->id}, {"missing", wait->left}, {"bytes", wait->bytes}, {"messages", wait->messages}};
      auto& times = answer["us"] = json::array();
      for (const auto at : wait->at) times.push_back(at == 0 ? -1 : (at - wait->since) / 1000);
      say(answer);
      wait = waits_.erase(wait);
    }
    for (auto settle = settles_.begin(); settle != settles_.end();) {
      const bool late = now >= settle->deadline;
      if (!late && (now - std::max(lastResponse_, settle->begun) < settle->quiet || !settled(*settle))) {
        ++settle;
        continue;
      }
      say(settledAnswer(*settle));
      settle = settles_.erase(settle);
    }
  }

  [[nodiscard]] bool fresh(const Settle& settle, std::size_t number) const {
    return number >= settle.streams.size() || proxies_[number]->streams > settle.streams[number];
  }

  [[nodiscard]] bool settled(const Settle& settle) const {
    for (std::size_t i = 0; i < proxies_.size(); ++i) {
      if (!proxies_[i]->complete() || !fresh(settle, i)) return false;
    }
    return true;
  }

  [[nodiscard]] json settledAnswer(const Settle& settle) const {
    json answer{{"id", settle.id}, {"losses", losses_}};
    if (!lastLoss_.empty()) answer["last_loss"] = lastLoss_;
    auto &times = answer["us"] = json::array(), &bytes = answer["bytes"] = json::array();
    std::size_t missing = 0;
    for (std::size_t i = 0; i < proxies_.size(); ++i) {
      const auto& proxy = *proxies_[i];
      const bool good = proxy.complete() && fresh(settle, i);
      if (!good) ++missing;
      times.push_back(good ? (proxy.lastResponse - settle.since) / 1000 : -1);
      bytes.push_back(proxy.bytes);
    }
    answer["missing"] = missing;
    return answer;
  }

  void state(const json& id) {
    json answer{{"id", id}, {"faults", registry_.faults()}, {"fault_count", registry_.faultCount()}};
    auto& list = answer["proxies"] = json::array();
    for (std::size_t i = 0; i < proxies_.size(); ++i) {
      const auto& proxy = *proxies_[i];
      if (!proxy.sample()) continue;
      json entry{{"proxy", i}, {"group", groups_[i]}, {"complete", proxy.complete()}};
      for (std::size_t type = 0; type < kTypes; ++type) {
        const auto each = static_cast<Type>(type);
        // As text: JSON's numbers lose digits in some readers.
        entry["types"][std::string(kTypeNames[type])] = {{"count", proxy.count(each)},
                                                         {"digest", std::to_string(proxy.digest(each))}};
      }
      list.push_back(std::move(entry));
    }
    say(answer);
  }

  const bool sotw_;
  const std::size_t sample_;
  const int poll_;
  std::string input_;
  Registry registry_;
  std::vector<std::unique_ptr<Proxy>> proxies_;
  std::vector<std::string> groups_;  // by proxy: namespace and labels, of which its scope is made
  std::vector<std::size_t> lost_;
  std::int64_t lostAt_ = 0, lastResponse_ = 0;
  std::uint64_t losses_ = 0;
  std::string lastLoss_;
  std::uint16_t port_ = 0;
  std::vector<Wait> waits_;
  std::vector<Settle> settles_;
};

}  // namespace
}  // namespace loadgen

int main(int argc, char** argv) {
  bool sotw = false;
  std::size_t sample = 50;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--sotw") {
      sotw = true;
    } else if (argument == "--sample" && i + 1 < argc && std::atoi(argv[i + 1]) > 0) {
      sample = static_cast<std::size_t>(std::atoi(argv[++i]));
    } else {
      std::fputs(loadgen::kHelp, argument == "--help" ? stdout : stderr);
      return argument == "--help" ? 0 : 64;
    }
  }
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  return loadgen::LoadGenerator(sotw, sample).run();
}
