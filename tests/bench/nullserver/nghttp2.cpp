#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <stdexcept>
#include <system_error>
#include <thread>

#include "http2_connection.h"
#include "transport.h"

namespace nullserver {
namespace {

int checked(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

// Several sockets share a port: the kernel spreads connections over them.
int listenOn(std::uint16_t port) {
  const int fd = checked(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
  const int on = 1;
  checked(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on), "SO_REUSEPORT");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  checked(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), "bind");
  checked(listen(fd, SOMAXCONN), "listen");
  return fd;
}

int portOf(int fd) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  checked(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), "getsockname");
  return ntohs(address.sin_port);
}

// An epoll loop with its listening socket and its connections, on a thread of its own.
class Loop {
 public:
  Loop(int listening, const Recordings<SharedMessage>& recordings)
      : listening_(listening),
        poll_(checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
        wake_(checked(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "eventfd")),
        recordings_(recordings) {
    watch(listening_, EPOLL_CTL_ADD, EPOLLIN);
    watch(wake_, EPOLL_CTL_ADD, EPOLLIN);
  }

  void start() {
    std::thread([this] { run(); }).detach();
  }

  // From another thread.
  void fanOut(const SharedMessage& message) {
    {
      const std::lock_guard lock(mutex_);
      inbox_.push_back(message);
    }
    eventfd_write(wake_, 1);
  }

 private:
  void watch(int fd, int operation, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    checked(epoll_ctl(poll_, operation, fd, &event), "epoll_ctl");
  }

  void run() {
    std::array<epoll_event, 256> events{};
    while (true) {
      const int count = epoll_wait(poll_, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        const auto& event = events[static_cast<std::size_t>(i)];
        if (event.data.fd == listening_) {
          accept();
        } else if (event.data.fd == wake_) {
          fanOutInbox();
        } else {
          onConnection(event.data.fd, event.events);
        }
      }
    }
  }

  void accept() {
    // Some at a time: those that are there have a turn, too.
    for (int i = 0; i < 16; ++i) {
      const int fd = accept4(listening_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) {
        if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return;
        // Figures of a server that refuses proxies would be wrong.
        std::cerr << "nullserver: accept: " << std::generic_category().message(errno) << std::endl;
        std::_Exit(1);
      }
      const int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      connections_.emplace(fd, std::make_unique<Http2Connection>(fd, recordings_));
      watch(fd, EPOLL_CTL_ADD, EPOLLIN);
    }
  }

  void onConnection(int fd, std::uint32_t events) {
    const auto found = connections_.find(fd);
    if (found == connections_.end()) return;
    auto& connection = *found->second;
    bool good = true;
    if ((events & EPOLLOUT) != 0) good = connection.onWritable();
    if (good && (events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) good = connection.onReadable();
    if (good) {
      watchWrites(connection);
    } else {
      connections_.erase(found);
    }
  }

  void watchWrites(Http2Connection& connection) {
    if (connection.polledForWrite == connection.wantsWrite()) return;
    connection.polledForWrite = connection.wantsWrite();
    watch(connection.socket(), EPOLL_CTL_MOD, connection.wantsWrite() ? EPOLLIN | EPOLLOUT : EPOLLIN);
  }

  void fanOutInbox() {
    eventfd_t count = 0;
    eventfd_read(wake_, &count);
    std::vector<SharedMessage> messages;
    {
      const std::lock_guard lock(mutex_);
      messages.swap(inbox_);
    }
    for (const auto& message : messages) {
      for (auto each = connections_.begin(); each != connections_.end();) {
        if (each->second->push(message)) {
          watchWrites(*each->second);
          ++each;
        } else {
          each = connections_.erase(each);
        }
      }
    }
  }

  const int listening_, poll_, wake_;
  const Recordings<SharedMessage>& recordings_;
  std::unordered_map<int, std::unique_ptr<Http2Connection>> connections_;  // by socket
  std::mutex mutex_;
  std::vector<SharedMessage> inbox_;
};

class Nghttp2Transport final : public Transport {
 public:
  explicit Nghttp2Transport(const Recordings<std::string>& recordings)
      : recordings_(prepared<SharedMessage>(
            recordings, [](const std::string& bytes) { return std::make_shared<const std::string>(bytes); })) {
    const auto cores = std::max(1U, std::thread::hardware_concurrency());
    for (auto i = cores; i > 0; --i) {
      const int listening = listenOn(static_cast<std::uint16_t>(port_));
      port_ = portOf(listening);
      loops_.push_back(std::make_unique<Loop>(listening, recordings_));
    }
    for (auto& loop : loops_) loop->start();
  }

  [[nodiscard]] int port() const override { return port_; }

  void fanOut(std::string message) override {
    const auto shared = std::make_shared<const std::string>(std::move(message));
    for (auto& loop : loops_) loop->fanOut(shared);
  }

 private:
  const Recordings<SharedMessage> recordings_;
  int port_ = 0;
  std::vector<std::unique_ptr<Loop>> loops_;
};

}  // namespace

std::unique_ptr<Transport> serveOnNghttp2(const Recordings<std::string>& recordings) {
  return std::make_unique<Nghttp2Transport>(recordings);
}

}  // namespace nullserver
