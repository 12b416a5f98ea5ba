#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <envoy/config/route/v3/route.pb.h>
#include <envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h>

#include "evaluate/facts.h"
#include "evaluate/headers.h"
#include "evaluate/rbac_internal.h"
#include "evaluate/verdict.h"

namespace fairway::evaluate {

using envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;

// One HTTP filter, its configuration unpacked.
struct HttpStep {
  enum class Kind { rbac, jwt_authn, ext_authz, router, cors, fault, passes, limits, unknown };
  std::string name;
  Kind kind = Kind::unknown;
  std::shared_ptr<const google::protobuf::Message> config;  // of the kinds that are looked at
  std::string text;                                         // of an unknown one: what is not known
};

// A connection manager, made ready for many requests. Shared between threads: nobody changes it.
struct HttpProgram {
  HttpConnectionManager manager;
  std::vector<HttpStep> steps;
  std::optional<std::string> notUnderstood;
};
std::shared_ptr<const HttpProgram> compileHttp(
    const google::protobuf::Any& config);  // null: it is no connection manager

// What the manager makes of a request before the first filter.
struct Prepared {
  std::optional<Verdict> verdict;  // it goes no further
  Headers headers;
  std::optional<Ip> remote;  // nothing: it cannot be said
  std::string remoteText;
};
Prepared prepare(const HttpConnectionManager& manager, const Connection& connection, const Request& request, bool tls,
                 const Certificate* peer);

// The request's way through the filters and routes. `context` has what is known of the connection. `routes` may be null: not
// known. Fills in what is left of `verdict`.
void passFilters(const HttpProgram& program, const envoy::config::route::v3::RouteConfiguration* routes,
                 Prepared& prepared, RuleContext context, const Question& question, bool explain, Verdict& verdict);

}  // namespace fairway::evaluate
