#include "api/peer_authentication_json.h"

#include "api/validate.h"
#include "base/strings.h"

namespace fairway::api {
namespace {

using Mode = PeerAuthenticationSpec::Mode;

constexpr EnumName<Mode> kModes[] = {{"UNSET", 0, Mode::unset},
                                     {"DISABLE", 1, Mode::disable},
                                     {"PERMISSIVE", 2, Mode::permissive},
                                     {"STRICT", 3, Mode::strict}};

Mode readMtls(const Value& value) {
  Fields fields(value);
  if (!fields.readable()) return Mode::strict;
  const auto mode = fields.get("mode");
  return mode ? mode->oneOf<Mode>(kModes).value_or(Mode::strict) : Mode::unset;
}

}  // namespace

void readSpec(const Value& spec, const ObjectMeta&, PeerAuthenticationSpec& out) {
  Fields fields(spec);
  if (!fields.readable()) {
    out.mode = Mode::strict;
    return;
  }
  if (const auto selector = fields.get("selector")) readMatchLabels(*selector, out.selector);
  if (const auto mtls = fields.get("mtls")) out.mode = readMtls(*mtls);
  const auto ports = fields.get("portLevelMtls");
  if (!ports) return;
  ports->eachEntry([&](const Value& entry, const std::string& key) {
    const auto number = toNumber(key);
    if (!number || *number < 1 || *number > 65535) {
      entry.error("found the port " + quote(key) + ", expected a workload port from 1 to 65535");
      return;
    }
    out.ports[static_cast<std::uint32_t>(*number)] = entry.json().is_null() ? Mode::unset : readMtls(entry);
  });
  if (out.selector.empty() && !out.ports.empty()) {
    ports->error("ports belong to workloads: expected selector.matchLabels beside portLevelMtls");
  }
}

}  // namespace fairway::api
