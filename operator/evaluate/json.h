#pragma once

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "evaluate/facts.h"
#include "evaluate/verdict.h"

namespace fairway::evaluate {

// {"connection": {"source", "sourcePort", "destination", "port", "tls", "sni", "alpn": [], "certificate": {"uris": [], "dns": [],
// "subject", "trusted"}}, "request": {"method", "path", "host", "headers": [[name, value]], "claims": []}, "now": seconds}.
// What is left out has the default of facts.h; without "request" it is about a connection. Failure: the field that is wrong.
Result<Question> questionFromJson(const nlohmann::json& value);

// {"verdict", "status", "text", "details", "chain", "filter", "policy", "route", "destination", "asks", "filters"}; what is
// empty is left out. Conditions of policies only where they were written down.
nlohmann::ordered_json toJson(const Verdict& verdict);
nlohmann::ordered_json toJson(const Condition& condition);

}  // namespace fairway::evaluate
