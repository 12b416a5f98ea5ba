#pragma once

#include "api/decoder.h"
#include "api/security.h"

namespace fairway::api {

// Reads and checks the `spec` of a security.istio.io RequestAuthentication, as Istio's reference has it. A rule with
// an error, hasErrorsAt(problems, "spec.jwtRules[i]"), must let no token of its issuer pass.
void readSpec(const Value& spec, const ObjectMeta& meta, RequestAuthenticationSpec& out);

// The field `jwksUri` of a rule of either dialect: http or https, with a host.
void readJwksUri(Fields& fields, std::string& out);
// The field `jwks`: a JSON web key set.
void readJwks(Fields& fields, std::string& out);

// `targetRefs` and `targetRef` of a policy, which exclude the field `selector`. True if there is one of them.
bool readTargetRefs(Fields& fields, std::vector<TargetRef>& out, std::string_view selector = "selector");

}  // namespace fairway::api
