#include "intercept/runner.h"

#include <array>
#include <catch2/catch.hpp>
#include <cstdio>
#include <iostream>
#include <string>

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netfilter_ipv4.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "intercept/process.h"

using namespace fairway;
using namespace fairway::intercept;

namespace {

std::string shell(const std::string& command) {
  const auto outcome = runProgram({"/bin/sh", "-c", command}, {});
  REQUIRE(outcome);
  INFO(command << ": " << outcome->errors);
  REQUIRE(outcome->status == 0);
  return outcome->output;
}

// Rules without comments and counters.
std::string table(const std::string& program) {
  return shell(program + " -t nat | grep -v '^#' | sed 's/\\[[0-9:]*\\]//'");
}

// Runs the test in a network namespace of its own with a pod's addresses: a veth pair whose far end is in the same
// namespace would be reached over lo, so the peer lies in a second one. False, with the reason, if that is not possible.
class PodNetwork {
 public:
  PodNetwork() {
    original_ = ::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    entered_ = original_ >= 0 && ::unshare(CLONE_NEWNET) == 0;
    if (!entered_) return;
    possible_ = findProgram("ip") && findProgram("iptables-nft-save") && system("ip link set lo up") == 0 &&
                system("iptables-nft-save -t nat >/dev/null 2>&1") == 0;
    if (possible_) {
      shell(
          "ip link add eth0 type veth peer name peer0 && ip address add 10.88.0.2/24 dev eth0 && ip link set eth0 up "
          "&& ip -6 address add fd00:88::2/64 dev eth0 nodad && ip route add default via 10.88.0.1");
    }
  }
  PodNetwork(const PodNetwork&) = delete;
  PodNetwork& operator=(const PodNetwork&) = delete;
  ~PodNetwork() {
    if (entered_ && ::setns(original_, CLONE_NEWNET) != 0) std::abort();
    if (original_ >= 0) ::close(original_);
  }
  [[nodiscard]] bool possible() const {
    if (!possible_) std::cerr << "SKIPPED: no network namespace with nat (needs root, iptables and iproute2)\n";
    return possible_;
  }

 private:
  static int system(const char* command) { return std::system(command); }
  int original_ = -1;
  bool entered_ = false, possible_ = false;
};

// A TCP socket that listens at 0.0.0.0:port.
class Listener {
 public:
  explicit Listener(std::uint16_t port) : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    REQUIRE(::bind(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(descriptor_, 8) == 0);
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener() { ::close(descriptor_); }

  // "10.88.0.2:8080 from 127.0.0.6": where the next waiting connection was meant to go; "" if none waits.
  [[nodiscard]] std::string next() const {
    const timeval patience{0, 1};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in peer{}, original{};
    socklen_t size = sizeof peer, originalSize = sizeof original;
    const int connection = ::accept(descriptor_, reinterpret_cast<sockaddr*>(&peer), &size);
    if (connection < 0) return {};
    if (::getsockopt(connection, SOL_IP, SO_ORIGINAL_DST, &original, &originalSize) != 0) {
      ::getsockname(connection, reinterpret_cast<sockaddr*>(&original), &originalSize);
    }
    ::close(connection);
    std::array<char, INET_ADDRSTRLEN> to{}, from{};
    ::inet_ntop(AF_INET, &original.sin_addr, to.data(), to.size());
    ::inet_ntop(AF_INET, &peer.sin_addr, from.data(), from.size());
    return std::string(to.data()) + ":" + std::to_string(ntohs(original.sin_port)) + " from " + from.data();
  }

 private:
  int descriptor_;
};

struct Caller {
  std::uint32_t uid = 1000, gid = 1000;
  std::string source;  // an address to come from
};

// Connects as somebody, in a process of its own; true if it got through.
bool connects(const Caller& caller, const std::string& ip, std::uint16_t port) {
  const pid_t child = ::fork();
  if (child == 0) {
    const int descriptor = [&] {
      if (::setresgid(caller.gid, caller.gid, caller.gid) != 0) ::_exit(2);
      if (::setresuid(caller.uid, caller.uid, caller.uid) != 0) ::_exit(2);
      return ::socket(AF_INET, SOCK_STREAM, 0);
    }();
    sockaddr_in address{};
    address.sin_family = AF_INET;
    const timeval patience{1, 0};
    ::setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (!caller.source.empty()) {
      ::inet_pton(AF_INET, caller.source.c_str(), &address.sin_addr);
      if (::bind(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) ::_exit(3);
    }
    address.sin_port = htons(port);
    ::inet_pton(AF_INET, ip.c_str(), &address.sin_addr);
    ::_exit(::connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  REQUIRE(WIFEXITED(status));
  REQUIRE(WEXITSTATUS(status) < 2);
  return WEXITSTATUS(status) == 0;
}

}  // namespace

TEST_CASE("rules are set, set again without a difference, and removed without a trace") {
  const PodNetwork network;
  if (!network.possible()) return;
  for (const std::string flavour : {"nft", "legacy"}) {
    CAPTURE(flavour);
    const auto save4 = "iptables-" + flavour + "-save", save6 = "ip6tables-" + flavour + "-save";
    // The pod's own rules, which also make the legacy flavour the one in use.
    shell("iptables-" + flavour + " -t nat -A PREROUTING -p tcp --dport 81 -j REDIRECT --to-ports 8081");
    shell("ip6tables-" + flavour + " -t nat -A OUTPUT -p tcp --dport 82 -j RETURN");
    const auto before4 = table(save4), before6 = table(save6);

    InterceptOptions options;
    options.excludeOutboundCidrs = {{Family::v4, "192.0.2.0/24"}, {Family::v6, "2001:db8::/32"}};
    options.excludeInterfaces = {"net1"};
    options.dnsServers = {{Family::v4, "10.96.0.10/32"}};
    const auto applied = apply(options);
    INFO((applied ? std::string() : applied.error().message));
    REQUIRE(applied);
    const auto after4 = table(save4), after6 = table(save6);
    CHECK(after4.find("ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports 15001") != std::string::npos);
    CHECK(after6.find("ISTIO_IN_REDIRECT -p tcp -j REDIRECT --to-ports 15006") != std::string::npos);
    CHECK(after4.find("--dport 81 -j REDIRECT --to-ports 8081") < after4.find("PREROUTING -p tcp -j ISTIO_INBOUND"));
    CHECK(shell("ip -6 address show dev lo").find("::6/128") != std::string::npos);

    REQUIRE(apply(options));
    CHECK(table(save4) == after4);
    CHECK(table(save6) == after6);

    // Other options replace the rules.
    options.excludeOutboundCidrs.clear();
    REQUIRE(apply(options));
    CHECK(table(save4).find("192.0.2.0/24") == std::string::npos);

    REQUIRE(remove());
    CHECK(table(save4) == before4);
    CHECK(table(save6) == before6);
    CHECK(shell("ip -6 address show dev lo").find("::6/128") == std::string::npos);
    REQUIRE(remove());
    shell("iptables-" + flavour + " -t nat -F");
    shell("ip6tables-" + flavour + " -t nat -F");
  }
}

TEST_CASE("connections go where the rules say") {
  const PodNetwork network;
  if (!network.possible()) return;
  InterceptOptions options;
  options.excludeOutboundPorts = {3306};
  options.excludeOutboundCidrs = {{Family::v4, "192.0.2.0/24"}};
  options.includeOutboundPorts = {3306};
  options.dnsServers = {{Family::v4, "10.96.0.10/32"}};
  REQUIRE(apply(options));
  const Listener outbound(15001), inbound(15006), app(8080), health(15021);
  const Caller user, proxy{1337, 1337, {}}, byGroup{2000, 1337, {}};

  // The app, to a service and to elsewhere: Envoy's outbound side knows where it was meant to go.
  CHECK(connects(user, "10.96.0.1", 80));
  CHECK(outbound.next() == "10.96.0.1:80 from 10.88.0.2");
  CHECK(connects({0, 0, {}}, "198.51.100.7", 443));
  CHECK(outbound.next() == "198.51.100.7:443 from 10.88.0.2");
  // Not: to itself, on either address.
  CHECK(connects(user, "127.0.0.1", 8080));
  CHECK(connects(user, "10.88.0.2", 8080));
  CHECK(app.next() == "127.0.0.1:8080 from 127.0.0.1");
  CHECK(app.next() == "10.88.0.2:8080 from 10.88.0.2");
  // Not: what is excluded (nobody is there, so it fails).
  CHECK_FALSE(connects(user, "10.96.0.1", 3306));
  CHECK_FALSE(connects(user, "192.0.2.1", 80));
  CHECK_FALSE(connects(user, "10.96.0.10", 53));
  // Not: the proxy, whether known by user or group.
  CHECK_FALSE(connects(proxy, "10.96.0.1", 80));
  CHECK_FALSE(connects(byGroup, "10.96.0.1", 80));
  CHECK(outbound.next().empty());

  // Envoy chose this very pod for a call of its app: that goes through the inbound side ...
  CHECK(connects(proxy, "10.88.0.2", 8080));
  CHECK(inbound.next() == "10.88.0.2:8080 from 10.88.0.2");
  CHECK(connects(byGroup, "10.88.0.2", 8080));
  CHECK(inbound.next() == "10.88.0.2:8080 from 10.88.0.2");
  // ... which itself, like a probe of the agent, reaches the app from 127.0.0.6.
  CHECK(connects({1337, 1337, "127.0.0.6"}, "10.88.0.2", 8080));
  CHECK(app.next() == "10.88.0.2:8080 from 127.0.0.6");
  // Ports that are not intercepted inbound are not here, either.
  CHECK(connects(proxy, "10.88.0.2", 15021));
  CHECK(health.next() == "10.88.0.2:15021 from 10.88.0.2");
  CHECK(connects(proxy, "127.0.0.1", 8080));
  CHECK(app.next() == "127.0.0.1:8080 from 127.0.0.1");
  CHECK(inbound.next().empty());
}

TEST_CASE("connections from outside go to Envoy's inbound port") {
  const PodNetwork network;
  if (!network.possible()) return;
  REQUIRE(apply({}));
  const Listener inbound(15006), app(8080), health(15021);
  // The peer moves to a namespace of its own; it is there as long as the sleeping process.
  const pid_t peer = ::fork();
  if (peer == 0) {
    if (::unshare(CLONE_NEWNET) != 0) ::_exit(1);
    ::pause();
    ::_exit(0);
  }
  const auto target = std::to_string(peer);
  const auto own = shell("readlink /proc/self/ns/net");
  for (int i = 0; i < 1000 && shell("readlink /proc/" + target + "/ns/net") == own; ++i) ::usleep(1000);
  shell("ip link set peer0 netns " + target);
  const auto there = "nsenter --net=/proc/" + target + "/ns/net ";
  shell(there + "ip address add 10.88.0.1/24 dev peer0 && " + there + "ip link set peer0 up");
  const auto call = [&](int port) {
    shell(there + "timeout 10 bash -c 'for i in $(seq 50); do exec 3<>/dev/tcp/10.88.0.2/" + std::to_string(port) +
          " && exit 0; sleep 0.1; done; exit 1' 2>/dev/null");
  };
  call(8080);
  CHECK(inbound.next() == "10.88.0.2:8080 from 10.88.0.1");
  CHECK(app.next().empty());
  call(15021);
  CHECK(health.next() == "10.88.0.2:15021 from 10.88.0.1");
  CHECK(inbound.next().empty());
  REQUIRE(remove());
  call(8080);
  CHECK(app.next() == "10.88.0.2:8080 from 10.88.0.1");
  ::kill(peer, SIGKILL);
  ::waitpid(peer, nullptr, 0);
}

TEST_CASE("what is missing is said, with what to do") {
  const auto has = [](const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  };
  const auto rights = explain("iptables-nft-save", 4,
                              "iptables-nft-save v1.8.9 (nf_tables): Could not fetch rule set generation id: "
                              "Permission denied (you must be root)\n");
  CHECK(has(rights, "NET_ADMIN"));
  CHECK(has(rights, "istio-init"));
  CHECK(has(explain("iptables-legacy-save", 3,
                    "iptables-legacy-save v1.8.9 (legacy): Cannot initialize: Table does not exist (do you need to "
                    "insmod?)\n"),
            "modprobe"));
  CHECK(has(explain("iptables-nft-restore", 2,
                    "iptables-nft-restore: Extension owner revision 0 not supported, missing kernel module?\n"),
            "xt_owner"));
  CHECK(explain("x", 1, "") == "x failed (exit code 1): it says nothing");
}

TEST_CASE("without the right to change the network it fails and says so") {
  const PodNetwork network;
  if (!network.possible()) return;
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setresuid(1000, 1000, 1000) != 0) ::_exit(2);
    const auto done = apply({});
    ::_exit(!done && done.error().message.find("NET_ADMIN") != std::string::npos ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0));
}

TEST_CASE("network namespaces by path") {
  CHECK(joinNamespace("/nonexistent/ns").error().message.find("cannot open") != std::string::npos);
  CHECK(joinNamespace("/dev/null").error().message.find("expected a network namespace") != std::string::npos);
}

TEST_CASE("programs are run without a shell") {
  const auto outcome = runProgram({"/bin/cat", "-"}, std::string(1 << 20, 'x')).value();
  CHECK(outcome.status == 0);
  CHECK(outcome.output.size() == 1U << 20);
  CHECK(runProgram({"/bin/sh", "-c", "echo $A; exit 7"}, "", {{"A", "b; c"}}).value().output == "b; c\n");
  CHECK(runProgram({"/nonexistent"}, "").value().status == 127);
  CHECK_FALSE(runProgram({"/bin/sleep", "600"}, "", {}, std::chrono::seconds(0)));
  CHECK_FALSE(findProgram("no-such-program-at-all"));
}
