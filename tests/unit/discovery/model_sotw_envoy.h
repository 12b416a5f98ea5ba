#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "discovery/messages.h"

namespace fairway::discovery::test {

// A state-of-the-world ADS client that behaves as Envoy does, as far as the protocol goes: it asks in Envoy's order, takes
// clusters and listeners for all there are, warms clusters until their endpoints come and answers for clusters only
// then, may answer several responses by one request, and applies good clusters and listeners beside bad ones. Content is
// "bad..." for what it refuses; a listener's content begins with its route configurations ("r0,r1;..."), a route's with its
// clusters ("c0,c1;...").
class SotwEnvoy {
 public:
  // Whether its errors name what is bad; whether it keeps answers until flush().
  explicit SotwEnvoy(bool namesFaults = true, bool merges = false) : namesFaults_(namesFaults), merges_(merges) {}

  void connect();        // a new stream; what is under way is lost
  void process();        // the next response, if there is one
  void flush();          // sends the answers that it kept
  bool expireWarming();  // after long silence, clusters without endpoints are used as they are; true if any
  [[nodiscard]] std::map<std::pair<Type, std::string>, std::string> inUse() const;
  // What is wrong with it now; empty: a request to any route would find its clusters.
  [[nodiscard]] std::string unroutable() const;
  [[nodiscard]] bool ready() const { return conversations_.contains(Type::listener); }

  std::deque<Request> toServer;
  std::deque<SotwResponse> toClient;
  std::set<std::string> expired;  // clusters whose endpoints did not come in time

 private:
  struct Cluster {
    std::string content;
    bool warming = true, usable = false;
  };
  struct Conversation {
    std::string nonce;
    std::optional<std::string> error;
    bool owesAnswer = false;
  };

  void ask(Type type);
  void answer(Type type, const std::string& error);
  void afterWarming();
  void warmed(Cluster& cluster);
  void followListeners();
  [[nodiscard]] bool warming() const;
  std::string clusters(const SotwResponse& response);
  std::string endpoints(const SotwResponse& response);
  std::string listeners(const SotwResponse& response);
  std::string routes(const SotwResponse& response);
  [[nodiscard]] std::string errorOf(const std::string& what, const std::vector<std::string>& bad) const;

  const bool namesFaults_, merges_;
  std::map<Type, Conversation> conversations_;
  std::map<std::string, Cluster> clusters_;
  std::map<std::string, std::string> endpoints_, listeners_, routes_;
  std::set<std::string> wantedEndpoints_, wantedRoutes_;
};

// All resources of a response.
std::vector<ResourcePtr> resourcesOf(const SotwResponse& response);

}  // namespace fairway::discovery::test
