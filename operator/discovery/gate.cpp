#include "discovery/gate.h"

#include <algorithm>

namespace fairway::discovery {
namespace {

constexpr std::size_t kManyPeers = 4096;

}  // namespace

void Gate::refill(Peer& peer, Time now) const {
  const auto seconds = std::chrono::duration<double>(now - peer.at).count();
  peer.bytes = std::min(limits_.peerBytes, peer.bytes + seconds * limits_.peerBytesPerSecond);
  peer.at = now;
}

// Addresses of which nothing is to be remembered.
void Gate::forgetFull(Time now) {
  for (auto& entry : peers_) refill(entry.second, now);
  std::erase_if(peers_, [&](const auto& entry) {
    const auto& peer = entry.second;
    return peer.inside == 0 && peer.line.empty() && peer.bytes >= limits_.peerBytes;
  });
}

bool Gate::arrive(Id id, const std::string& address, Time now) {
  if (waiting_ >= limits_.waiting) return false;
  if (peers_.size() >= kManyPeers) forgetFull(now);
  auto& peer = peers_.try_emplace(address, Peer{limits_.peerBytes, now, 0, {}}).first->second;
  if (peer.line.size() >= limits_.peerWaiting) return false;
  peer.line.push_back(id);
  ++waiting_;
  connections_.emplace(id, Connection{address, now});
  return true;
}

std::vector<Gate::Id> Gate::admit(Time now) {
  std::vector<Id> admitted;
  // Round the addresses, from the one after that which was last: one of each, until nobody can be let in.
  for (std::size_t passed = 0; waiting_ > 0 && inside_ < limits_.strangers && passed < peers_.size();) {
    auto next = peers_.upper_bound(last_);
    if (next == peers_.end()) next = peers_.begin();
    last_ = next->first;
    auto& peer = next->second;
    refill(peer, now);
    if (peer.line.empty() || peer.inside >= limits_.peerStrangers || peer.bytes < limits_.perConnection) {
      ++passed;
      continue;
    }
    passed = 0;
    const auto id = peer.line.front();
    peer.line.pop_front();
    --waiting_;
    ++peer.inside;
    ++inside_;
    peer.bytes -= limits_.perConnection;
    auto& connection = connections_.at(id);
    connection.inside = true;
    connection.since = now;
    connection.charged = limits_.perConnection;
    admitted.push_back(id);
  }
  return admitted;
}

bool Gate::sent(Id id, std::uint64_t bytes, Time now) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return true;
  auto& connection = found->second;
  auto& peer = peers_.at(connection.peer);
  refill(peer, now);
  const auto charge = static_cast<double>(bytes) + limits_.perConnection;
  peer.bytes -= std::max(0.0, charge - connection.charged);
  connection.charged = std::max(connection.charged, charge);
  return bytes <= limits_.connectionBytes && peer.bytes >= 0;
}

void Gate::trust(Id id) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  peers_.at(found->second.peer).bytes += found->second.charged;  // refill() sees to the most
  gone(id);
}

void Gate::gone(Id id) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  auto& peer = peers_.at(found->second.peer);
  if (found->second.inside) {
    --peer.inside;
    --inside_;
  } else {
    std::erase(peer.line, id);
    --waiting_;
  }
  connections_.erase(found);
}

std::vector<Gate::Id> Gate::overdue(Time now) const {
  std::vector<Id> ids;
  // Only a place that somebody could take is worth cutting an honest but slow one off.
  const bool full = inside_ >= limits_.strangers;
  for (const auto& [id, connection] : connections_) {
    const auto& peer = peers_.at(connection.peer);
    const bool awaited =
        connection.inside && ((full && waiting_ > 0) || (peer.inside >= limits_.peerStrangers && !peer.line.empty()));
    if (now - connection.since >= (awaited ? limits_.patience : limits_.age)) ids.push_back(id);
  }
  return ids;
}

}  // namespace fairway::discovery
