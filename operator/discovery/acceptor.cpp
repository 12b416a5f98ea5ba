#include "discovery/acceptor.h"

#include <fcntl.h>
#include <linux/tcp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "discovery/peer.h"

namespace fairway::discovery {
namespace {

constexpr Gate::Id kWake = 0;       // epoll's name of wake_
constexpr Gate::Id kFirst = 1'000;  // of the first connection; below, of listeners
constexpr int kTick = 100;          // milliseconds between looks at ages
constexpr int kBacklog = 1024;
// A stranger's data that nobody has read: the rest stays with the sender.
constexpr int kStrangerBuffer = 16 << 10;
constexpr int kBuffer = 256 << 10;
constexpr int kMostCalls = 8;

void setOption(int fd, int level, int name, int value) { setsockopt(fd, level, name, &value, sizeof value); }

std::string keyOf(const std::string& host, const std::string& port) { return host + " " + port; }

// Of gRPC's text.
std::string keyOf(const std::string& peer) { return keyOf(peerHost(peer), peer.substr(peer.rfind(':') + 1)); }

struct Name {
  std::string host, port;
};

Name nameOf(const sockaddr_storage& address, socklen_t size) {
  sockaddr_storage plain = address;
  const auto& six = reinterpret_cast<const sockaddr_in6&>(address);
  if (address.ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&six.sin6_addr)) {
    auto& four = reinterpret_cast<sockaddr_in&>(plain);
    four = {};
    four.sin_family = AF_INET;
    four.sin_port = six.sin6_port;
    std::copy(six.sin6_addr.s6_addr + 12, six.sin6_addr.s6_addr + 16, reinterpret_cast<unsigned char*>(&four.sin_addr));
    size = sizeof four;
  }
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  getnameinfo(reinterpret_cast<const sockaddr*>(&plain), size, host.data(), host.size(), port.data(), port.size(),
              NI_NUMERICHOST | NI_NUMERICSERV);
  return {host.data(), port.data()};
}

std::uint64_t bytesReceived(int fd) {
  tcp_info info{};
  socklen_t size = sizeof info;
  return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 ? info.tcpi_bytes_received : 0;
}

// A reset, which also drops what is not read yet.
void reset(int fd) {
  sockaddr nobody{};
  nobody.sa_family = AF_UNSPEC;
  ::connect(fd, &nobody, sizeof nobody);
}

void watch(int epoll, int operation, int fd, Gate::Id id, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = id;
  epoll_ctl(epoll, operation, fd, &event);
}

// -1 with errno.
int listenAt(const addrinfo& at, std::uint16_t port, bool everywhere) {
  const int fd = socket(at.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  sockaddr_storage address{};
  std::copy_n(reinterpret_cast<const char*>(at.ai_addr), at.ai_addrlen, reinterpret_cast<char*>(&address));
  if (at.ai_family == AF_INET6) {
    setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, everywhere ? 0 : 1);
    reinterpret_cast<sockaddr_in6&>(address).sin6_port = htons(port);
  } else {
    reinterpret_cast<sockaddr_in&>(address).sin_port = htons(port);
  }
  setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), at.ai_addrlen) == 0 && listen(fd, kBacklog) == 0)
    return fd;
  const int error = errno;
  close(fd);
  errno = error;
  return -1;
}

std::uint16_t portOf(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                                             : reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

}  // namespace

Result<std::unique_ptr<Acceptor>> Acceptor::bind(const Address& address, GateLimits limits) {
  const bool everywhere = address.host.empty();
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  // "::" takes IPv4, too; a kernel without IPv6 has the other.
  for (const char* host : {everywhere ? "::" : address.host.c_str(), "0.0.0.0"}) {
    if (const int code = getaddrinfo(host, "0", &hints, &found); code != 0) return failure(gai_strerror(code));
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(found, freeaddrinfo);
    std::vector<int> listeners;
    std::uint16_t port = address.port;
    int error = 0;
    for (const auto* each = found; each != nullptr; each = each->ai_next) {
      const int fd = listenAt(*each, port, everywhere);
      if (fd < 0) {
        // A name may have an address of a family that this machine has not.
        if (errno != EADDRNOTAVAIL && errno != EAFNOSUPPORT) {
          const int reason = errno;
          for (const int open : listeners) close(open);
          return failure(std::generic_category().message(reason));
        }
        error = errno;
        continue;
      }
      port = portOf(fd);
      listeners.push_back(fd);
    }
    if (!listeners.empty()) return std::unique_ptr<Acceptor>(new Acceptor(std::move(listeners), port, limits));
    if (!everywhere) return failure(std::generic_category().message(error));
  }
  return failure("no address family to listen on");
}

Acceptor::Acceptor(std::vector<int> listeners, std::uint16_t port, GateLimits limits)
    : port_(port),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      listeners_(std::move(listeners)),
      gate_(limits),
      next_(kFirst) {
  watch(epoll_, EPOLL_CTL_ADD, wake_, kWake, EPOLLIN);
}

Acceptor::~Acceptor() {
  stop();
  ended_ = true;
  eventfd_write(wake_, 1);
  {
    const std::lock_guard lock(mutex_);
    handed_.notify_all();
  }
  for (auto* thread : {&watcher_, &hand_}) {
    if (thread->joinable()) thread->join();
  }
  for (const auto& [listener, connection] : admitted_) close(connection);
  for (const auto& [id, connection] : connections_) close(connection.fd);
  close(epoll_);
  close(wake_);
}

void Acceptor::start(Serve serve) {
  serve_ = std::move(serve);
  for (std::size_t i = 0; i < listeners_.size(); ++i) watch(epoll_, EPOLL_CTL_ADD, listeners_[i], i + 1, EPOLLIN);
  watcher_ = std::thread([this] { run(); });
  hand_ = std::thread([this] { handOn(); });
}

void Acceptor::stop() {
  const std::lock_guard lock(mutex_);
  for (auto& listener : listeners_) {
    if (listener >= 0) close(std::exchange(listener, -1));
  }
}

void Acceptor::trust(const std::string& peer) {
  const std::lock_guard lock(mutex_);
  if (const auto found = byPeer_.find(keyOf(peer)); found != byPeer_.end()) trust(found->second);
}

void Acceptor::call(const std::string& peer) {
  const std::lock_guard lock(mutex_);
  const auto found = byPeer_.find(keyOf(peer));
  if (found == byPeer_.end()) return;
  if (++connections_.at(found->second).calls > kMostCalls) return abort(found->second);
  trust(found->second);
}

void Acceptor::introduced(const std::string& peer) {
  const std::lock_guard lock(mutex_);
  if (const auto found = byPeer_.find(keyOf(peer)); found != byPeer_.end()) connections_.at(found->second).calls = 0;
}

void Acceptor::trust(Gate::Id id) {
  auto& connection = connections_.at(id);
  if (std::exchange(connection.trusted, true)) return;
  gate_.trust(id);
  setOption(connection.fd, SOL_SOCKET, SO_RCVBUF, kBuffer);
  watch(epoll_, EPOLL_CTL_MOD, connection.fd, id, EPOLLET);  // its end alone
  eventfd_write(wake_, 1);                                   // a place is free
}

void Acceptor::run() {
  std::array<epoll_event, 64> events{};
  while (!ended_) {
    const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), kTick);
    const auto now = std::chrono::steady_clock::now();
    const std::lock_guard lock(mutex_);
    for (int i = 0; i < count; ++i) {
      const auto id = events[static_cast<std::size_t>(i)].data.u64;
      if (id == kWake) {
        eventfd_t ignored = 0;
        eventfd_read(wake_, &ignored);
      } else if (id < kFirst) {
        if (listeners_[id - 1] >= 0) accept(listeners_[id - 1]);
      } else {
        received(id, events[static_cast<std::size_t>(i)].events, now);
      }
    }
    for (const auto id : gate_.overdue(now)) abort(id);
    admit(now);
  }
}

void Acceptor::handOn() {
  std::unique_lock lock(mutex_);
  while (true) {
    handed_.wait(lock, [this] { return ended_ || !admitted_.empty(); });
    if (ended_) return;
    const auto [listener, connection] = admitted_.front();
    admitted_.pop_front();
    lock.unlock();
    serve_(listener, connection);
    lock.lock();
  }
}

void Acceptor::accept(int listener) {
  for (int many = 0; many < 64; ++many) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    const int fd = accept4(listener, reinterpret_cast<sockaddr*>(&address), &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
      // Without descriptors the connection stays in the kernel's queue: no reason to ask again at once.
      if (errno == EMFILE || errno == ENFILE) std::this_thread::sleep_for(std::chrono::milliseconds(10));
      return;
    }
    const auto name = nameOf(address, size);
    const auto id = next_++;
    if (!gate_.arrive(id, name.host, std::chrono::steady_clock::now())) {
      ++cut_;
      reset(fd);
      close(fd);
      continue;
    }
    setOption(fd, SOL_SOCKET, SO_RCVBUF, kStrangerBuffer);
    setOption(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    const auto key = keyOf(name.host, name.port);
    byPeer_[key] = id;
    connections_.emplace(id, Connection{fd, listener, key, false, false});
    watch(epoll_, EPOLL_CTL_ADD, fd, id, EPOLLRDHUP | EPOLLET);
  }
}

void Acceptor::admit(Gate::Time now) {
  for (const auto id : gate_.admit(now)) {
    auto& connection = connections_.at(id);
    const int second = fcntl(connection.fd, F_DUPFD_CLOEXEC, 0);
    if (second < 0) {
      abort(id);
      continue;
    }
    epoll_ctl(epoll_, EPOLL_CTL_DEL, connection.fd, nullptr);
    connection.inside = true;
    watch(epoll_, EPOLL_CTL_ADD, second, id, EPOLLIN | EPOLLET);
    admitted_.emplace_back(connection.listener, std::exchange(connection.fd, second));
    handed_.notify_one();
  }
}

void Acceptor::received(Gate::Id id, std::uint32_t events, Gate::Time now) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  const auto& connection = found->second;
  // One that waits is gone when the client is; one that is served when both sides are done.
  if ((events & (EPOLLHUP | EPOLLERR)) != 0 || (!connection.inside && (events & EPOLLRDHUP) != 0)) return forget(id);
  if (connection.trusted || !connection.inside) return;
  if (!gate_.sent(id, bytesReceived(connection.fd), now)) abort(id);
}

void Acceptor::abort(Gate::Id id) {
  ++cut_;
  reset(connections_.at(id).fd);
  forget(id);
}

void Acceptor::forget(Gate::Id id) {
  const auto found = connections_.find(id);
  gate_.gone(id);
  const auto key = byPeer_.find(found->second.peer);
  if (key != byPeer_.end() && key->second == id) byPeer_.erase(key);
  close(found->second.fd);
  connections_.erase(found);
}

}  // namespace fairway::discovery
