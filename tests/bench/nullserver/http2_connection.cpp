#include "http2_connection.h"

#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <new>

namespace nullserver {
namespace {

constexpr std::uint32_t kMostStreams = 100;  // of a connection: the default of most servers
constexpr std::size_t kMostQueued = 256 << 10;
constexpr int kMostPieces = 64;

nghttp2_nv header(std::string_view name, std::string_view value) {
  const auto bytes = [](std::string_view text) {
    return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(),
          NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE};
}

Http2Connection& connectionOf(void* self) { return *static_cast<Http2Connection*>(self); }

}  // namespace

const nghttp2_session_callbacks* Http2Connection::callbacks() {
  static const nghttp2_session_callbacks* const made = [] {
    nghttp2_session_callbacks* callbacks = nullptr;
    if (nghttp2_session_callbacks_new(&callbacks) != 0) throw std::bad_alloc();
    nghttp2_session_callbacks_set_send_callback(callbacks, onSend);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, onSendData);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, onBeginHeaders);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, onFrame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, onDataChunk);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, onStreamClose);
    return callbacks;
  }();
  return made;
}

Http2Connection::Http2Connection(int socket, const Recordings<SharedMessage>& recordings)
    : socket_(socket), recordings_(recordings) {
  if (nghttp2_session_server_new(&session_, callbacks(), this) != 0) throw std::bad_alloc();
  const nghttp2_settings_entry settings{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, kMostStreams};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, &settings, 1);
}

Http2Connection::~Http2Connection() {
  nghttp2_session_del(session_);
  close(socket_);
}

bool Http2Connection::onReadable() {
  static thread_local std::array<std::uint8_t, 64 << 10> buffer;
  // Once: others have a turn before this one's next bytes, of which the poll tells.
  const auto count = recv(socket_, buffer.data(), buffer.size(), 0);
  if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) return false;
  if (count > 0 && nghttp2_session_mem_recv(session_, buffer.data(), static_cast<std::size_t>(count)) < 0) return false;
  return flush();
}

bool Http2Connection::onWritable() {
  blocked_ = false;
  return flush();
}

bool Http2Connection::push(const SharedMessage& message) {
  for (auto& [id, stream] : streams_) {
    if (stream.push(message)) {
      resume(id, stream);
    } else {
      nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_ENHANCE_YOUR_CALM);
    }
  }
  return flush();
}

Http2Stream* Http2Connection::find(std::int32_t id) {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : &found->second;
}

void Http2Connection::resume(std::int32_t id, Http2Stream& stream) {
  if (!stream.waiting) return;
  stream.waiting = false;
  nghttp2_session_resume_data(session_, id);
}

// --- from nghttp2: what came -----------------------------------------------------------------------

int Http2Connection::onBeginHeaders(nghttp2_session* /*session*/, const nghttp2_frame* frame, void* self) {
  if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
    auto& connection = connectionOf(self);
    connection.streams_.try_emplace(frame->hd.stream_id, connection.recordings_);
  }
  return 0;
}

int Http2Connection::onFrame(nghttp2_session* session, const nghttp2_frame* frame, void* self) {
  auto* stream = connectionOf(self).find(frame->hd.stream_id);
  if (stream == nullptr) return 0;
  if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
    const std::array headers{header(":status", "200"), header("content-type", "application/grpc")};
    const nghttp2_data_provider provider{{}, nextData};
    stream->waiting = false;
    if (nghttp2_submit_response(session, frame->hd.stream_id, headers.data(), headers.size(), &provider) != 0) {
      return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
  }
  const bool carries = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
  if (carries && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
    stream->ended = true;
    connectionOf(self).resume(frame->hd.stream_id, *stream);
  }
  return 0;
}

int Http2Connection::onDataChunk(nghttp2_session* session, std::uint8_t /*flags*/, std::int32_t id,
                                 const std::uint8_t* data, std::size_t size, void* self) {
  auto* stream = connectionOf(self).find(id);
  if (stream == nullptr) return 0;
  if (stream->read({reinterpret_cast<const char*>(data), size})) {
    connectionOf(self).resume(id, *stream);
  } else {
    nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, NGHTTP2_ENHANCE_YOUR_CALM);
  }
  return 0;
}

int Http2Connection::onStreamClose(nghttp2_session* /*session*/, std::int32_t id, std::uint32_t /*error*/, void* self) {
  connectionOf(self).streams_.erase(id);
  return 0;
}

// --- from nghttp2: what goes -----------------------------------------------------------------------

ssize_t Http2Connection::nextData(nghttp2_session* session, std::int32_t id, std::uint8_t* /*buffer*/, std::size_t most,
                                  std::uint32_t* flags, nghttp2_data_source* /*source*/, void* self) {
  auto* stream = connectionOf(self).find(id);
  if (stream == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  if (const auto left = stream->left(); left > 0) {
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;  // onSendData takes it
    return static_cast<ssize_t>(std::min(left, most));
  }
  if (!stream->ended) {
    stream->waiting = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
  const auto trailer = header("grpc-status", "0");
  return nghttp2_submit_trailer(session, id, &trailer, 1) == 0 ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

int Http2Connection::onSendData(nghttp2_session* /*session*/, nghttp2_frame* frame, const std::uint8_t* head,
                                std::size_t size, nghttp2_data_source* /*source*/, void* self) {
  auto& connection = connectionOf(self);
  if (connection.outBytes_ >= kMostQueued) return NGHTTP2_ERR_WOULDBLOCK;
  auto* stream = connection.find(frame->hd.stream_id);
  if (stream == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  auto part = stream->take(size);
  std::string bytes(reinterpret_cast<const char*>(head), 9);
  bytes += part.prefix;
  connection.queue({std::move(bytes), std::move(part.message), part.body});
  return 0;
}

ssize_t Http2Connection::onSend(nghttp2_session* /*session*/, const std::uint8_t* data, std::size_t size, int /*flags*/,
                                void* self) {
  auto& connection = connectionOf(self);
  if (connection.outBytes_ >= kMostQueued) return NGHTTP2_ERR_WOULDBLOCK;
  connection.queue({{reinterpret_cast<const char*>(data), size}, nullptr, {}});
  return static_cast<ssize_t>(size);
}

void Http2Connection::queue(Piece piece) {
  outBytes_ += piece.size();
  out_.push_back(std::move(piece));
}

// Until the socket takes no more or nghttp2 has no more.
bool Http2Connection::flush() {
  if (blocked_) return true;
  while (true) {
    if (nghttp2_session_send(session_) != 0) return false;
    if (out_.empty()) break;
    std::array<iovec, 2 * kMostPieces> parts{};
    msghdr message{};
    message.msg_iov = parts.data();
    auto skip = outOffset_;
    for (std::size_t i = 0; i < out_.size() && i < kMostPieces; ++i) {
      for (const std::string_view bytes : {std::string_view(out_[i].head), out_[i].body}) {
        const auto skipped = std::min(skip, bytes.size());
        skip -= skipped;
        if (skipped < bytes.size()) {
          parts[message.msg_iovlen++] = {const_cast<char*>(bytes.data()) + skipped, bytes.size() - skipped};
        }
      }
    }
    const auto count = sendmsg(socket_, &message, MSG_NOSIGNAL);
    if (count >= 0) {
      sent(static_cast<std::size_t>(count));
    } else if (errno == EAGAIN) {
      blocked_ = true;
      return true;
    } else if (errno != EINTR) {
      return false;
    }
  }
  return nghttp2_session_want_read(session_) != 0 || nghttp2_session_want_write(session_) != 0;
}

void Http2Connection::sent(std::size_t bytes) {
  outBytes_ -= bytes;
  outOffset_ += bytes;
  while (!out_.empty() && outOffset_ >= out_.front().size()) {
    outOffset_ -= out_.front().size();
    out_.pop_front();
  }
}

}  // namespace nullserver
