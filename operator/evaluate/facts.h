#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace fairway::evaluate {

// A client's certificate as far as verdicts depend on it.
struct Certificate {
  std::vector<std::string> uris;  // URI SANs, such as "spiffe://cluster.local/ns/shop/sa/web"
  std::vector<std::string> dns;   // DNS SANs
  std::string subject;            // the distinguished name in RFC 2253's form
  bool trusted = true;            // an authority that the server is configured with has signed it
};

// What an external authorizer says. `deny`: with status 403, if it is about a request; `error`: it cannot be reached or
// answers with an error of its own.
enum class Answer { allow, deny, error };
using Answers = std::map<std::string, Answer>;  // by the authorizer's cluster

// A connection as it reaches the listener.
struct Connection {
  std::string source = "127.0.0.1";  // IP address of the client
  std::uint32_t sourcePort = 0;
  std::string destination = "127.0.0.1";  // where the client wanted to connect to, before any redirection
  std::uint32_t port = 0;
  bool tls = false;
  std::string sni;                         // what the ClientHello holds; "" for none
  std::vector<std::string> alpn;           // what the ClientHello offers, in its order
  std::optional<Certificate> certificate;  // what the client shows if the server asks for one
  Answers answers;                         // to whom asks about the connection
};

// A request as it comes over the wire.
struct Request {
  std::string method = "GET";
  std::string path = "/";  // the target: with query, not normalised
  std::string authority;
  std::vector<std::pair<std::string, std::string>> headers;  // in order; a name may come more than once
  // Claims that count as verified tokens, each sent to where the provider of its issuer looks for tokens. Signatures are not
  // looked at; times and audiences are.
  std::vector<nlohmann::json> claims;
  Answers answers;  // to whom asks about the request
};

// A connection, or one request on it. Without a request, a listener that expects HTTP gives no verdict.
struct Question {
  Connection connection;
  std::optional<Request> request;
  std::int64_t now = 0;  // seconds since 1970: what tokens' times are compared with
};

}  // namespace fairway::evaluate
