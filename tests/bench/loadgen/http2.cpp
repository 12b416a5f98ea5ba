#include "http2.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>

namespace loadgen {
namespace {

enum FrameType : std::uint8_t {
  kData = 0,
  kHeaders = 1,
  kReset = 3,
  kSettings = 4,
  kPing = 6,
  kGoAway = 7,
  kWindowUpdate = 8,
  kContinuation = 9
};
constexpr std::uint8_t kEndStream = 1, kAck = 1, kEndHeaders = 4, kPadded = 8;
constexpr std::uint32_t kStream = 1;
// Envoy's defaults.
constexpr std::uint32_t kOurStreamWindow = 16 << 20, kOurConnectionWindow = 24 << 20;

void append32(std::string& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xff);
}

std::uint32_t read32(const void* data) {
  std::uint32_t value;
  std::memcpy(&value, data, sizeof value);
  return ntohl(value);
}

void appendSetting(std::string& out, std::uint16_t id, std::uint32_t value) {
  out += static_cast<char>(id >> 8);
  out += static_cast<char>(id & 0xff);
  append32(out, value);
}

// A literal without indexing (RFC 7541 6.2.2), the name by its number in the static table, the value short.
void appendHeader(std::string& out, unsigned name, std::string_view value) {
  if (name < 15) {
    out += static_cast<char>(name);
  } else {
    out += static_cast<char>(15);
    out += static_cast<char>(name - 15);
  }
  out += static_cast<char>(value.size());
  out += value;
}

// The letters of a header block: no table is in use (we allow none), so grpc-status and grpc-message can be read.
std::string letters(std::string_view block) {
  std::string text;
  for (const char c : block) text += std::isprint(static_cast<unsigned char>(c)) != 0 ? c : ' ';
  return text;
}

// Moves bytes until `have` of `to` is full; false if they ran out before.
template <std::size_t Size>
bool fill(unsigned char (&to)[Size], std::size_t& have, const char*& data, std::size_t& size) {
  const auto part = std::min(size, Size - have);
  std::memcpy(to + have, data, part);
  have += part;
  data += part;
  size -= part;
  return have == Size;
}

}  // namespace

GrpcStream::~GrpcStream() {
  if (fd_ >= 0) close(fd_);
}

bool GrpcStream::fail(std::string why) {
  if (!ended_) why_ = std::move(why);
  ended_ = true;
  return false;
}

bool GrpcStream::open(std::uint32_t source, std::uint16_t port, std::string_view method) {
  fd_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return fail(std::string("socket: ") + std::strerror(errno));
  const int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd_, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  sockaddr_in from{};
  from.sin_family = AF_INET;
  from.sin_addr.s_addr = htonl(source);
  if (bind(fd_, reinterpret_cast<sockaddr*>(&from), sizeof from) != 0) {
    return fail(std::string("bind: ") + std::strerror(errno));
  }
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0 && errno != EINPROGRESS) {
    return fail(std::string("connect: ") + std::strerror(errno));
  }

  out_ = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  std::string settings;
  appendSetting(settings, 1, 0);                 // header table size
  appendSetting(settings, 2, 0);                 // push
  appendSetting(settings, 4, kOurStreamWindow);  // initial window
  frame(kSettings, 0, 0, settings);
  windowUpdate(0, kOurConnectionWindow - 65'535);
  std::string headers = "\x83\x86";  // :method POST, :scheme http
  appendHeader(headers, 4, method);  // :path
  appendHeader(headers, 1, "xds");   // :authority
  appendHeader(headers, 31, "application/grpc");
  headers += std::string("\0\2te\10trailers", 13);
  frame(kHeaders, kEndHeaders, kStream, headers);
  return true;
}

void GrpcStream::frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream, std::string_view body) {
  const auto size = static_cast<std::uint32_t>(body.size());
  append32(out_, size << 8 | type);
  out_ += static_cast<char>(flags);
  append32(out_, stream);
  out_ += body;
}

void GrpcStream::windowUpdate(std::uint32_t stream, std::uint32_t increment) {
  std::string body;
  append32(body, increment);
  frame(kWindowUpdate, 0, stream, body);
}

void GrpcStream::send(std::string_view message) {
  std::string framed(1, '\0');
  append32(framed, static_cast<std::uint32_t>(message.size()));
  framed += message;
  waiting_.push_back(std::move(framed));
  pump();
}

void GrpcStream::pump() {
  while (!waiting_.empty()) {
    const auto& first = waiting_.front();
    const auto window = std::min(connectionWindow_, streamWindow_);
    if (window <= 0) return;
    const auto part = std::min({first.size() - waitingSent_, maxFrame_, static_cast<std::size_t>(window)});
    frame(kData, 0, kStream, std::string_view(first).substr(waitingSent_, part));
    connectionWindow_ -= static_cast<std::int64_t>(part);
    streamWindow_ -= static_cast<std::int64_t>(part);
    waitingSent_ += part;
    if (waitingSent_ < first.size()) continue;
    waiting_.pop_front();
    waitingSent_ = 0;
  }
}

bool GrpcStream::onWritable() {
  if (!connected_) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return fail(std::string("connect: ") + std::strerror(error));
    connected_ = true;
  }
  while (sent_ < out_.size()) {
    const auto count = ::send(fd_, out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
    if (count < 0) {
      if (errno == EAGAIN || errno == EINTR) return true;
      return fail(std::string("send: ") + std::strerror(errno));
    }
    sent_ += static_cast<std::size_t>(count);
  }
  sent_ = 0;
  if (out_.capacity() > 65'536) {
    std::string().swap(out_);
  } else {
    out_.clear();
  }
  return true;
}

bool GrpcStream::onReadable(const OnMessage& onMessage) {
  static char buffer[1 << 18];  // one thread, one buffer
  while (true) {
    const auto count = recv(fd_, buffer, sizeof buffer, 0);
    if (count == 0) return fail("the server closed the connection");
    if (count < 0) {
      if (errno == EAGAIN || errno == EINTR) break;
      return fail(std::string("recv: ") + std::strerror(errno));
    }
    if (!take(buffer, static_cast<std::size_t>(count), onMessage)) return false;
    // A full buffer: the others have a turn first, the poll tells that there is more.
    if (static_cast<std::size_t>(count) == sizeof buffer || static_cast<std::size_t>(count) < sizeof buffer / 2) break;
  }
  return connected_ ? onWritable() : true;
}

bool GrpcStream::take(const char* data, std::size_t size, const OnMessage& onMessage) {
  while (size > 0) {
    if (headerSize_ < sizeof header_) {
      if (!fill(header_, headerSize_, data, size)) return true;
      left_ = read32(header_) >> 8;
      if (header_[3] == kData && (header_[4] & kPadded) != 0) return fail("padded DATA is not understood here");
    }
    const auto part = std::min(size, left_);
    if (header_[3] == kData) {
      if (!payload(data, part, onMessage)) return false;
    } else {
      body_.append(data, part);
    }
    data += part;
    size -= part;
    left_ -= part;
    if (left_ == 0 && !frameEnd()) return false;
  }
  return true;
}

bool GrpcStream::payload(const char* data, std::size_t size, const OnMessage& onMessage) {
  unacknowledged_ += static_cast<std::uint32_t>(size);
  while (size > 0) {
    if (prefixSize_ < sizeof prefix_) {
      if (!fill(prefix_, prefixSize_, data, size)) break;
      if (prefix_[0] != 0) return fail("a compressed message");
      messageSize_ = read32(prefix_ + 1);
    }
    std::string_view whole;
    if (message_.empty() && size >= messageSize_) {
      whole = {data, messageSize_};
      data += messageSize_;
      size -= messageSize_;
    } else {
      if (message_.capacity() < messageSize_) message_.reserve(messageSize_);
      const auto part = std::min(size, messageSize_ - message_.size());
      message_.append(data, part);
      data += part;
      size -= part;
      if (message_.size() < messageSize_) break;
      whole = message_;
    }
    prefixSize_ = 0;
    onMessage(whole);
    if (message_.capacity() > 65'536) {
      std::string().swap(message_);
    } else {
      message_.clear();
    }
  }
  if (unacknowledged_ >= kOurStreamWindow / 2) {
    windowUpdate(0, unacknowledged_);
    windowUpdate(kStream, unacknowledged_);
    unacknowledged_ = 0;
  }
  return true;
}

bool GrpcStream::frameEnd() {
  headerSize_ = 0;
  const auto type = header_[3], flags = header_[4];
  std::string body;
  body.swap(body_);
  switch (type) {
    case kData:
      if ((flags & kEndStream) != 0) return fail("the server ended the call");
      break;
    case kHeaders:
      if ((flags & kEndStream) != 0) return fail("the server ended the call: " + letters(body));
      break;
    case kReset: return fail("the server reset the call");
    case kSettings:
      if ((flags & kAck) != 0) break;
      body_ = std::move(body);
      settings();
      break;
    case kPing:
      if ((flags & kAck) == 0) frame(kPing, kAck, 0, body);
      break;
    case kWindowUpdate:
      if (body.size() == 4) {
        const auto increment = read32(body.data()) & 0x7fffffff;
        ((read32(header_ + 5) & 0x7fffffff) == 0 ? connectionWindow_ : streamWindow_) += increment;
        pump();
      }
      break;
    default: break;  // GOAWAY: the stream that is there stays
  }
  return true;
}

void GrpcStream::settings() {
  for (std::size_t at = 0; at + 6 <= body_.size(); at += 6) {
    const auto id = static_cast<unsigned char>(body_[at]) << 8 | static_cast<unsigned char>(body_[at + 1]);
    const auto value = read32(body_.data() + at + 2);
    if (id == 4) {
      streamWindow_ += static_cast<std::int64_t>(value) - initialWindow_;
      initialWindow_ = value;
    } else if (id == 5) {
      maxFrame_ = std::min<std::size_t>(value, 16'384);
    }
  }
  body_.clear();
  frame(kSettings, kAck, 0, {});
  pump();
}

}  // namespace loadgen
