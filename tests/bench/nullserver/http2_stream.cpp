#include "http2_stream.h"

#include <arpa/inet.h>

#include <cstdint>
#include <cstring>

namespace nullserver {
namespace {

constexpr std::size_t kPrefix = 5;  // compressed or not, then the size, big-endian
constexpr std::size_t kMostRequest = 4 << 20;

}  // namespace

bool Http2Stream::read(std::string_view data) {
  while (!data.empty()) {
    const auto part = std::min(data.size(), wanted_ - request_.size());
    request_.append(data.substr(0, part));
    data.remove_prefix(part);
    if (request_.size() < wanted_) break;
    if (wanted_ == kPrefix) {
      std::uint32_t size = 0;
      std::memcpy(&size, request_.data() + 1, sizeof size);
      size = ntohl(size);
      if (request_[0] != 0 || size > kMostRequest) return false;
      wanted_ += size;
      if (size > 0) continue;
    }
    outbox_.asked(std::string_view(request_).substr(kPrefix));
    std::string().swap(request_);  // an idle stream holds no room for requests
    wanted_ = kPrefix;
  }
  return true;
}

std::size_t Http2Stream::left() {
  if (!sending_) {
    auto next = outbox_.take();
    if (!next) return 0;
    sending_ = std::move(*next);
    sent_ = 0;
  }
  return kPrefix + sending_->size() - sent_;
}

Http2Stream::Part Http2Stream::take(std::size_t size) {
  char prefix[kPrefix] = {};
  const auto length = htonl(static_cast<std::uint32_t>(sending_->size()));
  std::memcpy(prefix + 1, &length, sizeof length);

  Part part{.prefix = {}, .message = sending_, .body = {}};
  if (sent_ < kPrefix) part.prefix = std::string_view(prefix, kPrefix).substr(sent_, size);
  const auto before = sent_ + part.prefix.size();
  part.body = std::string_view(*sending_).substr(before - std::min(before, kPrefix), size - part.prefix.size());
  sent_ += size;
  if (sent_ == kPrefix + sending_->size()) sending_.reset();
  return part;
}

}  // namespace nullserver
