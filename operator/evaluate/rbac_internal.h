#pragma once

#include <map>
#include <optional>
#include <string>

#include <envoy/config/core/v3/base.pb.h>
#include <envoy/config/rbac/v3/rbac.pb.h>

#include "evaluate/address.h"
#include "evaluate/facts.h"
#include "evaluate/headers.h"
#include "evaluate/metadata.h"
#include "evaluate/verdict.h"

namespace fairway::evaluate {

// What rules are compared with.
struct RuleContext {
  const Headers* headers = nullptr;  // null: a connection, not a request
  bool tls = false;                  // the listener took off the client's TLS
  const Certificate* peer = nullptr;
  std::string sni;           // as the listener filters saw it
  std::optional<Ip> source;  // of the connection
  std::optional<Ip> remote;  // of the original client; nothing: it cannot be said
  std::string remoteText;
  std::optional<Ip> local;
  std::string sourceText, localText;
  std::uint32_t port = 0;
  const Metadata* metadata = nullptr;
  const Metadata* routeMetadata = nullptr;  // null: there is no route
};

// What an RBAC's rules say of a request.
struct RbacDecision {
  Truth allowed = Truth::unknown;
  std::string policy;                  // the first that matched; "" for none
  std::vector<PolicyResult> policies;  // all of them, with conditions if `explain`
};
RbacDecision decide(const envoy::config::rbac::v3::RBAC& rules, const RuleContext& context, bool explain);

}  // namespace fairway::evaluate
