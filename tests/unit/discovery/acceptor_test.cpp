#include "discovery/acceptor.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <deque>

#include <catch2/catch.hpp>

using namespace fairway;
using namespace fairway::discovery;
using namespace std::chrono_literals;

namespace {

// A client's end. `from`: the loopback address it comes from.
class Client {
 public:
  explicit Client(std::uint16_t port, const char* from = "127.0.0.1")
      : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    inet_pton(AF_INET, from, &address.sin_addr);
    REQUIRE(bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    address.sin_port = htons(port);
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    REQUIRE(::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() { close(fd_); }

  void send(std::size_t bytes) {
    const std::string data(bytes, 'x');
    (void)::send(fd_, data.data(), data.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  // Whether the server closes the connection within a generous time.
  [[nodiscard]] bool ends() const {
    pollfd event{fd_, POLLIN, 0};
    char byte = 0;
    return poll(&event, 1, 20'000) == 1 && recv(fd_, &byte, 1, 0) <= 0;
  }
  [[nodiscard]] std::string name() const {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    char text[INET_ADDRSTRLEN] = {};
    inet_ntop(AF_INET, &address.sin_addr, text, sizeof text);
    return "ipv4:" + std::string(text) + ":" + std::to_string(ntohs(address.sin_port));
  }

 private:
  int fd_;
};

// What takes connections over.
class Served {
 public:
  explicit Served(GateLimits limits = {}) : acceptor(Acceptor::bind({"127.0.0.1", 0, {}}, limits).value()) {
    acceptor->start([this](int, int fd) {
      const std::lock_guard lock(mutex_);
      fds_.push_back(fd);
      changed_.notify_all();
    });
  }
  Served(const Served&) = delete;
  Served& operator=(const Served&) = delete;
  ~Served() {
    acceptor.reset();
    for (const int fd : fds_) close(fd);
  }

  // The next connection; -1 if none comes within a generous time.
  int next() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, 20s, [this] { return !fds_.empty(); })) return -1;
    const int fd = fds_.front();
    fds_.pop_front();
    return fd;
  }
  [[nodiscard]] bool none() {
    const std::lock_guard lock(mutex_);
    return fds_.empty();
  }

  std::unique_ptr<Acceptor> acceptor;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<int> fds_;
};

}  // namespace

TEST_CASE("connections are handed on, and end when who serves them ends them") {
  Served served;
  Client client(served.acceptor->port());
  const int fd = served.next();
  REQUIRE(fd >= 0);
  client.send(5);
  pollfd event{fd, POLLIN, 0};
  REQUIRE(poll(&event, 1, 20'000) == 1);
  char data[8] = {};
  CHECK(recv(fd, data, sizeof data, 0) == 5);
  shutdown(fd, SHUT_RDWR);  // as gRPC does
  close(fd);
  CHECK(client.ends());
  CHECK(served.acceptor->cut() == 0);
}

TEST_CASE("a stranger that sends too much is reset, whoever reads") {
  GateLimits limits;
  limits.connectionBytes = 4'000;
  Served served(limits);
  Client client(served.acceptor->port());
  const int fd = served.next();
  REQUIRE(fd >= 0);
  client.send(4'001);
  CHECK(client.ends());
  char data[8] = {};
  CHECK(recv(fd, data, sizeof data, 0) <= 0);  // what it had sent is gone
  close(fd);
  CHECK(served.acceptor->cut() == 1);
}

TEST_CASE("who is known may send what it likes") {
  GateLimits limits;
  limits.connectionBytes = 4'000;
  Served served(limits);
  Client client(served.acceptor->port());
  const int fd = served.next();
  REQUIRE(fd >= 0);
  served.acceptor->trust(client.name());
  client.send(10'000);
  std::size_t received = 0;
  char data[4096];
  for (pollfd event{fd, POLLIN, 0}; received < 10'000 && poll(&event, 1, 20'000) == 1;) {
    const auto size = recv(fd, data, sizeof data, 0);
    if (size <= 0) break;
    received += static_cast<std::size_t>(size);
  }
  CHECK(received == 10'000);
  close(fd);
  CHECK(served.acceptor->cut() == 0);
}

TEST_CASE("one address waits for a place of its own, another does not wait for it") {
  GateLimits limits;
  limits.peerStrangers = 1;
  Served served(limits);
  Client first(served.acceptor->port()), second(served.acceptor->port());
  const int one = served.next();
  REQUIRE(one >= 0);
  Client other(served.acceptor->port(), "127.0.0.9");
  const int two = served.next();
  REQUIRE(two >= 0);
  sockaddr_in peer{};
  socklen_t size = sizeof peer;
  REQUIRE(getpeername(two, reinterpret_cast<sockaddr*>(&peer), &size) == 0);
  CHECK(peer.sin_addr.s_addr == htonl(0x7f000009));
  CHECK(served.none());
  served.acceptor->trust(first.name());
  const int three = served.next();
  CHECK(three >= 0);
  for (const int fd : {one, two, three}) close(fd);
}

TEST_CASE("one silent stranger makes room for another") {
  GateLimits limits;
  limits.peerStrangers = 1;
  limits.patience = 50ms;
  Served served(limits);
  Client silent(served.acceptor->port());
  const int one = served.next();
  REQUIRE(one >= 0);
  Client next(served.acceptor->port());
  const int two = served.next();
  CHECK(two >= 0);
  CHECK(silent.ends());
  for (const int fd : {one, two}) close(fd);
}

TEST_CASE("too many that wait are turned away, and a stopped one takes none") {
  GateLimits limits;
  limits.peerStrangers = 1;
  limits.peerWaiting = 1;
  Served served(limits);
  Client first(served.acceptor->port());
  const int one = served.next();
  REQUIRE(one >= 0);
  Client second(served.acceptor->port()), third(served.acceptor->port());
  CHECK(third.ends());
  served.acceptor->stop();
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(served.acceptor->port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0);
  close(fd);
  close(one);
}

TEST_CASE("an address that is taken, or is none, is told") {
  const auto first = Acceptor::bind({"127.0.0.1", 0, {}}, {});
  REQUIRE(first.has_value());
  const auto taken = Acceptor::bind({"127.0.0.1", (*first)->port(), {}}, {});
  REQUIRE_FALSE(taken.has_value());
  CHECK(taken.error().message.find("in use") != std::string::npos);
  CHECK_FALSE(Acceptor::bind({"no-such-host.invalid", 0, {}}, {}).has_value());
  const auto everywhere = Acceptor::bind({"", 0, {}}, {});
  REQUIRE(everywhere.has_value());
  CHECK((*everywhere)->port() != 0);
}
