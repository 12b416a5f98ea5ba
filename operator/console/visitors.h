#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace fairway::console {

// Whose connections a server has, and which goes when there is no room: of the address with the most, the one that has been
// kept waiting for its request the longest. So nobody can keep others out by holding connections. Also how many
// large bodies are read at a time. No IO, no locks; ids grow.
class Visitors {
 public:
  using Id = std::uint64_t;

  // `most` connections at a time; of them `large` may have a large body, and of one address half of that.
  Visitors(std::size_t most, std::size_t large) : most_(most), large_(large) {}

  // A new one. Returns the one that is to be closed for it, if any.
  std::optional<Id> arrive(Id id, const std::string& peer);
  void gone(Id id);
  // A connection may read a large body; done() at the latest gives that back. False: not now.
  bool beginLarge(Id id);
  void done(Id id);

 private:
  struct Peer {
    std::map<Id, bool> connections;  // whether it has a large body
    std::size_t large = 0;
  };

  const std::size_t most_, large_;
  std::size_t largeNow_ = 0;
  std::map<Id, std::string> peerOf_;
  std::map<std::string, Peer> peers_;
};

}  // namespace fairway::console
