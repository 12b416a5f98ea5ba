#include "console/visitors.h"

#include <algorithm>
#include <utility>

namespace fairway::console {

std::optional<Visitors::Id> Visitors::arrive(Id id, const std::string& peer) {
  peerOf_.emplace(id, peer);
  peers_[peer].connections.emplace(id, false);
  if (peerOf_.size() <= most_) return std::nullopt;
  const auto greediest = std::max_element(peers_.begin(), peers_.end(), [](const auto& a, const auto& b) {
    return a.second.connections.size() < b.second.connections.size();
  });
  return greediest->second.connections.begin()->first;
}

void Visitors::gone(Id id) {
  const auto found = peerOf_.find(id);
  if (found == peerOf_.end()) return;
  done(id);
  const auto peer = peers_.find(found->second);
  peer->second.connections.erase(id);
  if (peer->second.connections.empty()) peers_.erase(peer);
  peerOf_.erase(found);
}

bool Visitors::beginLarge(Id id) {
  const auto found = peerOf_.find(id);
  if (found == peerOf_.end()) return false;
  auto& peer = peers_.at(found->second);
  if (largeNow_ >= large_ || peer.large >= std::max<std::size_t>(1, large_ / 2)) return false;
  peer.connections.at(id) = true;
  ++peer.large;
  ++largeNow_;
  return true;
}

void Visitors::done(Id id) {
  const auto found = peerOf_.find(id);
  if (found == peerOf_.end()) return;
  auto& peer = peers_.at(found->second);
  if (!std::exchange(peer.connections.at(id), false)) return;
  --peer.large;
  --largeNow_;
}

}  // namespace fairway::console
