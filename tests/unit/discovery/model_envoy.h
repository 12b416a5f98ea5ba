#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "discovery/messages.h"

namespace fairway::discovery::test {

// A delta ADS client that behaves as Envoy does, as far as the protocol goes: it asks in Envoy's order, warms clusters
// until their endpoints come and holds the acknowledgement of clusters meanwhile, asks for virtual hosts once a stream,
// applies clusters and listeners in part and the rest as a whole. Content is "bad..." for what it refuses; a listener's
// content begins with its route configurations ("80,81;..."), a virtual host's with its cluster ("c1;...").
class ModelEnvoy {
 public:
  void connect();        // a new stream; what is under way is lost
  void process();        // the next response, if there is one
  bool expireWarming();  // after long silence, clusters without endpoints are used as they are; true if any
  // Clusters, listeners and so on as they are in use, by type and name: the content.
  [[nodiscard]] std::map<std::pair<Type, std::string>, std::string> inUse() const;
  // What is wrong with it now; empty: a request to any route would find its cluster.
  [[nodiscard]] std::string unroutable() const;
  [[nodiscard]] bool ready() const { return listenersAsked_; }

  std::deque<Request> toServer;
  std::deque<Response> toClient;
  std::set<std::string> expired;  // clusters whose endpoints did not come in time
  // Where what the client has differs from the versions it keeps - parts of a refused response that it applied, virtual
  // hosts of a route configuration that it dropped - and then the stream broke: the next server cannot know.
  std::set<std::pair<Type, std::string>> unknown;

 private:
  struct Cluster {
    std::string content;
    bool warming = true, usable = false;
  };
  struct Route {
    std::string content;
    std::map<std::string, std::string> hosts;
    bool waiting = true;
  };
  using Versions = std::map<std::string, std::string>;

  void ask(Type type, std::vector<std::string> subscribe, std::vector<std::string> unsubscribe, Versions initial = {});
  void answer(const Response& response, const std::string& error);
  void record(Type type, const Response& response);
  void warmed(Cluster& cluster);
  void afterWarming();
  void followListeners();
  std::string clusters(const Response& response);
  std::string endpoints(const Response& response);
  std::string listeners(const Response& response);
  std::string routes(const Response& response);
  std::string virtualHosts(const Response& response);

  std::map<Type, Versions> recorded_;
  std::set<std::pair<Type, std::string>> unrecorded_;
  std::map<std::string, Cluster> clusters_;
  std::map<std::string, std::string> endpoints_, listeners_;
  std::set<std::string> wantedEndpoints_, wantedRoutes_;
  std::map<std::string, Route> routes_;
  std::deque<std::pair<Response, std::string>> held_;  // answers about clusters, while some are warming
  bool endpointsAsked_ = false, listenersAsked_ = false, routesAsked_ = false, hostsAsked_ = false;
};

}  // namespace fairway::discovery::test
