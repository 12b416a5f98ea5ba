#include <re2/re2.h>

#include "analyze/checks.h"
#include "api/networking.h"

namespace fairway::analyze {

namespace {

// What the proxy's bootstrap sets as re2.max_program_size.error_level: above it Envoy refuses the configuration, so such a
// pattern is not sent and never matches.
constexpr int kMaxProgramSize = 32768;

class Regexes {
 public:
  Regexes(const Resource& resource, Reporter& report) : resource_(resource), report_(report) {}

  void check(const std::string& pattern, const std::string& field) {
    if (pattern.empty()) return;
    const RE2 compiled(pattern, RE2::Quiet);
    if (!compiled.ok() || compiled.ProgramSize() <= kMaxProgramSize) return;
    report_.add(Code::oversized_regex, resource_, field,
                "the pattern compiles to a program of size " + std::to_string(compiled.ProgramSize()) +
                    ", and Envoy takes " + std::to_string(kMaxProgramSize) + " at most: it never matches",
                "use prefix or exact matches, or make repetitions such as {1000} and long alternatives smaller");
  }
  void check(const std::optional<api::StringMatch>& match, const std::string& field) {
    if (match && match->type == api::StringMatch::Type::regex) check(match->value, field + ".regex");
  }
  void check(const std::map<std::string, api::StringMatch>& matches, const std::string& field) {
    for (const auto& [name, match] : matches) check(std::optional(match), field + "[" + name + "]");
  }

 private:
  const Resource& resource_;
  Reporter& report_;
};

}  // namespace

void checkRegexes(const World& world, Reporter& report) {
  world.each<api::VirtualService>([&](const Resource& resource, const api::VirtualService& object) {
    Regexes regexes(resource, report);
    for (std::size_t i = 0; i < object.spec.http.size(); ++i) {
      const auto& rule = object.spec.http[i];
      const auto at = "spec.http[" + std::to_string(i) + "]";
      for (std::size_t k = 0; k < rule.match.size(); ++k) {
        const auto& match = rule.match[k];
        const auto field = at + ".match[" + std::to_string(k) + "].";
        regexes.check(match.uri, field + "uri");
        regexes.check(match.scheme, field + "scheme");
        regexes.check(match.method, field + "method");
        regexes.check(match.authority, field + "authority");
        regexes.check(match.headers, field + "headers");
        regexes.check(match.withoutHeaders, field + "withoutHeaders");
        regexes.check(match.queryParams, field + "queryParams");
      }
      if (rule.rewrite) regexes.check(rule.rewrite->regexMatch, at + ".rewrite.uriRegexRewrite.match");
      if (!rule.cors) continue;
      for (std::size_t k = 0; k < rule.cors->allowOrigins.size(); ++k) {
        regexes.check(std::optional(rule.cors->allowOrigins[k]),
                      at + ".corsPolicy.allowOrigins[" + std::to_string(k) + "]");
      }
    }
  });
}

}  // namespace fairway::analyze
