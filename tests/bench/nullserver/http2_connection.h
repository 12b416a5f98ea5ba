#pragma once

#include <nghttp2/nghttp2.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "http2_stream.h"

namespace nullserver {

// A TCP connection that speaks HTTP/2 (RFC 9113) and on it gRPC's framing, on nghttp2, which keeps the windows and all
// frames but DATA. Used by one thread; does no waiting: its owner polls the socket.
class Http2Connection {
 public:
  // Takes the socket, which does not block.
  Http2Connection(int socket, const Recordings<SharedMessage>& recordings);
  ~Http2Connection();
  Http2Connection(const Http2Connection&) = delete;
  Http2Connection& operator=(const Http2Connection&) = delete;

  // False: the connection is over.
  bool onReadable();
  bool onWritable();
  bool push(const SharedMessage& message);  // to all its streams

  [[nodiscard]] int socket() const { return socket_; }
  [[nodiscard]] bool wantsWrite() const { return blocked_; }

  bool polledForWrite = false;  // by the owner

 private:
  // Bytes to send: `head`, then a part of a message that all streams share.
  struct Piece {
    std::string head;
    SharedMessage message;
    std::string_view body;

    [[nodiscard]] std::size_t size() const { return head.size() + body.size(); }
  };

  static const nghttp2_session_callbacks* callbacks();
  static ssize_t onSend(nghttp2_session*, const std::uint8_t* data, std::size_t size, int, void* self);
  static int onSendData(nghttp2_session*, nghttp2_frame* frame, const std::uint8_t* head, std::size_t size,
                        nghttp2_data_source* source, void* self);
  static int onBeginHeaders(nghttp2_session*, const nghttp2_frame* frame, void* self);
  static int onFrame(nghttp2_session*, const nghttp2_frame* frame, void* self);
  static int onDataChunk(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data, std::size_t size,
                         void* self);
  static int onStreamClose(nghttp2_session*, std::int32_t id, std::uint32_t, void* self);
  static ssize_t nextData(nghttp2_session*, std::int32_t id, std::uint8_t*, std::size_t most, std::uint32_t* flags,
                          nghttp2_data_source* source, void* self);

  Http2Stream* find(std::int32_t id);
  void resume(std::int32_t id, Http2Stream& stream);
  void queue(Piece piece);
  bool flush();
  void sent(std::size_t bytes);

  const int socket_;
  const Recordings<SharedMessage>& recordings_;
  nghttp2_session* session_ = nullptr;
  std::unordered_map<std::int32_t, Http2Stream> streams_;
  std::deque<Piece> out_;
  std::size_t outBytes_ = 0;   // of all pieces
  std::size_t outOffset_ = 0;  // bytes of the first piece that are sent
  bool blocked_ = false;       // the socket took no more
};

}  // namespace nullserver
