// Patterns of policies and hosts.
#include <re2/re2.h>

#include "fuzz/target.h"
#include "normalize/conditions.h"
#include "normalize/hosts.h"

namespace {

using namespace fairway;

void run(std::string_view text) {
  const auto quoted = normalize::quoteRegex(text);
  RE2::Options quiet;
  quiet.set_log_errors(false);
  if (text.find('\0') == std::string_view::npos) {
    const RE2 pattern(quoted, quiet);
    if (pattern.ok())
      fuzz::require(RE2::FullMatch(re2::StringPiece(text.data(), text.size()), pattern),
                    "a quoted text matches itself");
  }
  (void)normalize::patternMatcher(text);
  (void)normalize::hostCondition(text);
  (void)normalize::pathCondition(text, true);
  (void)normalize::pathCondition(text, false);
  (void)normalize::parsePort(text);
  if (const auto cidr = normalize::parseCidr(text)) {
    fuzz::require(normalize::parseCidr(*cidr) == *cidr, "a range is read as it is written");
  }
  const auto split = text.size() / 2;
  if (normalize::matchesHost(text.substr(0, split), text.substr(split))) {
    fuzz::require(normalize::intersectHosts(text.substr(0, split), text.substr(split)).has_value(),
                  "what matches intersects");
  }
  (void)normalize::patternsOver(text);
}

const fuzz::Registration kTarget{{"pattern", {}, run, nullptr}};

}  // namespace
