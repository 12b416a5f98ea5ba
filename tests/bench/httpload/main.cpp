// A client that keeps a number of connections busy with HTTP/1.1 requests, one after the other on each, and says how long they
// took: `httpload ADDRESS:PORT HOST CONNECTIONS SECONDS [HOSTS]`. With HOSTS > 1 the requests' Host is "s<i>.HOST" for i below it,
// in turn. Writes one line of JSON: requests, seconds, p50 and p99 in microseconds, answers that were not 200.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

struct Connection {
  int socket = -1;
  Clock::time_point sent;
  std::string received;
};

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "httpload: %s: %s\n", what.c_str(), std::strerror(errno));
  std::exit(1);
}

class Load {
 public:
  Load(const std::string& address, std::string host, int count, int hosts) : hosts_(hosts), host_(std::move(host)) {
    const auto colon = address.rfind(':');
    to_.sin_family = AF_INET;
    to_.sin_port = htons(static_cast<std::uint16_t>(std::atoi(address.c_str() + colon + 1)));
    if (colon == std::string::npos || inet_pton(AF_INET, address.substr(0, colon).c_str(), &to_.sin_addr) != 1) {
      errno = EINVAL;
      fail(address);
    }
    epoll_ = epoll_create1(0);
    connections_.resize(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < connections_.size(); ++i) open(i);
  }

  void run(std::chrono::duration<double> time) {
    const auto start = Clock::now();
    for (auto& connection : connections_) send(connection);
    while (Clock::now() - start < time) {
      epoll_event events[64];
      const int count = epoll_wait(epoll_, events, 64, 1000);
      for (int i = 0; i < count; ++i) read(events[i].data.u64);
    }
    seconds_ = std::chrono::duration<double>(Clock::now() - start).count();
  }

  void report() {
    std::sort(times_.begin(), times_.end());
    const auto at = [&](double part) {
      return times_.empty() ? 0 : times_[static_cast<std::size_t>(part * static_cast<double>(times_.size() - 1))];
    };
    std::printf("{\"requests\": %zu, \"seconds\": %.3f, \"p50\": %u, \"p99\": %u, \"bad\": %zu}\n", times_.size(),
                seconds_, at(0.5), at(0.99), bad_);
  }

 private:
  void open(std::size_t index) {
    auto& connection = connections_[index];
    if (connection.socket >= 0) ::close(connection.socket);
    connection = {socket(AF_INET, SOCK_STREAM, 0), {}, {}};
    const int on = 1;
    setsockopt(connection.socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(connection.socket, reinterpret_cast<const sockaddr*>(&to_), sizeof to_) != 0) fail("connect");
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = index;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.socket, &event);
  }

  void send(Connection& connection) {
    const auto host = hosts_ > 1 ? "s" + std::to_string(turn_++ % hosts_) + "." + host_ : host_;
    const auto text = "GET / HTTP/1.1\r\nhost: " + host + "\r\n\r\n";
    connection.sent = Clock::now();
    if (::send(connection.socket, text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size()))
      fail("send");
  }

  void read(std::size_t index) {
    auto& connection = connections_[index];
    char buffer[16384];
    const auto got = recv(connection.socket, buffer, sizeof buffer, 0);
    if (got <= 0) {
      ++bad_;
      open(index);
      send(connection);
      return;
    }
    connection.received.append(buffer, static_cast<std::size_t>(got));
    const auto head = connection.received.find("\r\n\r\n");
    if (head == std::string::npos) return;
    std::size_t length = 0;
    if (const auto field = connection.received.find("content-length: "); field < head) {
      length = std::strtoul(connection.received.c_str() + field + 16, nullptr, 10);
    }
    if (connection.received.size() < head + 4 + length) return;
    if (connection.received.compare(9, 3, "200") != 0) ++bad_;
    times_.push_back(static_cast<std::uint32_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - connection.sent).count()));
    connection.received.erase(0, head + 4 + length);
    send(connection);
  }

  sockaddr_in to_{};
  int epoll_ = -1;
  const int hosts_;
  int turn_ = 0;
  const std::string host_;
  std::vector<Connection> connections_;
  std::vector<std::uint32_t> times_;  // microseconds
  std::size_t bad_ = 0;
  double seconds_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5 || argc > 6) {
    std::fprintf(stderr, "usage: httpload ADDRESS:PORT HOST CONNECTIONS SECONDS [HOSTS]\n");
    return 64;
  }
  Load load(argv[1], argv[2], std::atoi(argv[3]), argc == 6 ? std::atoi(argv[5]) : 1);
  load.run(std::chrono::duration<double>(std::atof(argv[4])));
  load.report();
}
