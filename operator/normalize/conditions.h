#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/security.h"
#include "store/view.h"

// The texts of authorization policies of both dialects as conditions.
namespace fairway::normalize {

inline constexpr std::string_view kJwtFilter = "envoy.filters.http.jwt_authn";
inline constexpr std::string_view kJwtPayload = "payload";  // key under which a token's claims are in the metadata

// v1alpha1.md 2.2: "*" alone is presence, else a leading * is a suffix, a trailing * a prefix, anything else exact.
model::StringMatcher patternMatcher(std::string_view pattern);
// The same, decided at once; "*" takes every text, also the empty one.
bool matchesPattern(std::string_view pattern, std::string_view text);

// `text` as a regular expression that matches nothing but itself (RE2 syntax).
std::string quoteRegex(std::string_view text);

// "10.0.0.1" -> "10.0.0.1/32"; nothing if it is neither an address nor a range.
std::optional<std::string> parseCidr(std::string_view text);
std::optional<std::uint32_t> parsePort(std::string_view text);

// Hosts are compared in any case, with and without a port: `host` and `host:*` (v1alpha1.md 7.1, 2021-008).
model::Condition hostCondition(std::string_view pattern);

// The path without query. With `templates`, the segments {*} (one segment) and {**} (the rest) are wildcards.
model::Condition pathCondition(std::string_view pattern, bool templates);

// A principal "trust domain/ns/namespace/sa/account" as policies write it, without spiffe://. "*" is any identity. The
// trust domains cluster.local and the mesh's own stand for each other in values with five parts (v1alpha1.md 2.3).
model::Condition principalCondition(std::string_view pattern, const store::MeshConfig& mesh, bool expandTrustDomain,
                                    const std::vector<std::string>& aliases = {});

// "*" may stand anywhere (v1alpha1.md 2.4, source.namespace).
model::Condition namespaceCondition(std::string_view pattern);

// "namespace/account", or an account of `ns`.
model::Condition serviceAccountCondition(std::string_view text, std::string_view ns);

// A claim of a verified end-user token: a text, or a list that contains it.
model::Condition claimCondition(std::vector<std::string> claim, std::string_view pattern);
// "issuer/subject".
model::Condition requestPrincipalCondition(std::string_view pattern);
// Any verified end-user token.
model::Condition hasRequestPrincipal();

// The server name of a connection; "*" is any, but not none.
model::Condition sniCondition(std::string_view pattern);

model::Condition headerCondition(std::string_view name, std::string_view pattern);
model::Condition portCondition(std::uint32_t port);
model::Condition addressCondition(model::Condition::Op op, std::string cidr);

// Dynamic metadata of another filter; "[v]" asks for a list that contains v.
model::Condition metadataCondition(std::string_view filter, std::string_view key, std::string_view pattern);

// "request.headers[x]" with prefix "request.headers" -> {"x"}; "claims[a][b]" -> {"a","b"}; nothing if it is not of
// that form.
std::optional<std::vector<std::string>> bracketed(std::string_view key, std::string_view prefix);

}  // namespace fairway::normalize
