#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

namespace loadgen {

// One TCP connection with one gRPC stream on it, as a proxy has: HTTP/2 (RFC 9113) by hand, as thousands of gRPC
// channels in one process would cost more than the server that is measured. What is not needed here is not there: no
// TLS, no header compression beyond static names, no second stream.
//
// Used by one thread. Does no waiting: the owner polls fd() and calls onReadable(), onWritable().
class GrpcStream {
 public:
  using OnMessage = std::function<void(std::string_view)>;

  GrpcStream() = default;
  ~GrpcStream();
  GrpcStream(const GrpcStream&) = delete;
  GrpcStream& operator=(const GrpcStream&) = delete;

  // Begins to connect to `port` of 127.0.0.1 from `source` (IPv4, host byte order) and queues the call's headers.
  // False with why() if that fails at once.
  bool open(std::uint32_t source, std::uint16_t port, std::string_view method);
  void send(std::string_view message);

  // False once the connection or the call has ended: see why(). `onMessage` may call send().
  bool onReadable(const OnMessage& onMessage);
  bool onWritable();

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] bool wantsWrite() const { return !connected_ || sent_ < out_.size(); }
  [[nodiscard]] const std::string& why() const { return why_; }

 private:
  bool fail(std::string why);
  bool take(const char* data, std::size_t size, const OnMessage& onMessage);
  bool payload(const char* data, std::size_t size, const OnMessage& onMessage);
  bool frameEnd();
  void settings();
  void frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream, std::string_view body);
  void windowUpdate(std::uint32_t stream, std::uint32_t increment);
  void pump();

  int fd_ = -1;
  bool connected_ = false, ended_ = false;
  std::string why_;

  // Sending: whole messages wait here for the peer's windows, frames in out_ for the socket.
  std::deque<std::string> waiting_;
  std::size_t waitingSent_ = 0;  // bytes of the first one
  std::string out_;
  std::size_t sent_ = 0;
  std::int64_t connectionWindow_ = 65'535, streamWindow_ = 65'535, initialWindow_ = 65'535;
  std::size_t maxFrame_ = 16'384;

  // Receiving: the frame under way, and the message under way.
  unsigned char header_[9] = {};
  std::size_t headerSize_ = 0, left_ = 0;
  std::string body_;  // of frames other than DATA
  std::string message_;
  unsigned char prefix_[5] = {};
  std::size_t prefixSize_ = 0, messageSize_ = 0;
  std::uint32_t unacknowledged_ = 0;
};

}  // namespace loadgen
