#pragma once

#include <string>

#include <envoy/extensions/filters/http/ext_authz/v3/ext_authz.pb.h>
#include <envoy/extensions/filters/network/ext_authz/v3/ext_authz.pb.h>

#include "evaluate/facts.h"
#include "evaluate/metadata.h"
#include "evaluate/verdict.h"

// Envoy's ext_authz filters, that of requests and that of connections.
namespace fairway::evaluate {

struct AuthorizerOutcome {
  Truth passed = Truth::yes;  // unknown: `text` says what is not known
  std::string text;
  std::string asked;    // the cluster that is asked; "": nobody is
  bool open = false;    // nobody has said what it answers: `passed` holds if it allows the request
  int status = 0;       // of a refused request
  std::string details;  // Envoy's response code details of a refusal
};
AuthorizerOutcome authorize(const envoy::extensions::filters::http::ext_authz::v3::ExtAuthz& config,
                            const Metadata& metadata, const Answers& answers);
AuthorizerOutcome authorize(const envoy::extensions::filters::network::ext_authz::v3::ExtAuthz& config,
                            const Metadata& metadata, const Answers& answers);

}  // namespace fairway::evaluate
