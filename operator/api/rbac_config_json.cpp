#include "api/rbac_config_json.h"

namespace fairway::api {
namespace {

using Mode = RbacConfigSpec::Mode;

constexpr EnumName<Mode> kModes[] = {{"OFF", 0, Mode::off},
                                     {"ON", 1, Mode::on},
                                     {"ON_WITH_INCLUSION", 2, Mode::on_with_inclusion},
                                     {"ON_WITH_EXCLUSION", 3, Mode::on_with_exclusion}};
constexpr EnumName<bool> kEnforcement[] = {{"ENFORCED", 0, false}, {"PERMISSIVE", 1, true}};

Mode readMode(const Value& value) {
  if (value.json().is_boolean()) {
    const bool on = value.json().get<bool>();
    value.warn(std::string("found a boolean, read as ") + (on ? "ON" : "OFF") +
               "; put the mode in quotes: YAML takes ON and OFF for booleans");
    return on ? Mode::on : Mode::off;
  }
  return value.oneOf<Mode>(kModes).value_or(Mode::on);
}

void readTarget(const Value& value, RbacConfigSpec::Target& out) {
  Fields fields(value);
  fields.read("services", out.services);
  fields.read("namespaces", out.namespaces);
  fields.ignore("workloadSelectors", "use services or namespaces");
}

}  // namespace

void readSpec(const Value& spec, const ObjectMeta& meta, RbacConfigSpec& out) {
  if (meta.name != "default") {
    spec.report().add(Problem::Severity::error, "metadata.name",
                      "found " + quote(meta.name) + ", expected default: no other object of this kind is used");
  }
  Fields fields(spec);
  if (!fields.readable()) {
    out.mode = Mode::on;
    return;
  }
  if (const auto mode = fields.get("mode")) out.mode = readMode(*mode);
  // Null is an empty block here: `inclusion:` with nothing in it was meant to be there.
  const auto inclusion = fields.getNullable("inclusion");
  if (inclusion && !inclusion->json().is_null()) readTarget(*inclusion, out.inclusion);
  const auto exclusion = fields.getNullable("exclusion");
  if (exclusion && !exclusion->json().is_null()) readTarget(*exclusion, out.exclusion);
  if (out.mode == Mode::on_with_inclusion && !inclusion) {
    fields.missing("inclusion", "the services or namespaces that are checked, because mode is ON_WITH_INCLUSION");
  }
  if (out.mode == Mode::on_with_exclusion && !exclusion) {
    fields.missing("exclusion", "the services or namespaces that are not checked, because mode is ON_WITH_EXCLUSION");
  }
  if (const auto mode = fields.get("enforcementMode")) {
    if (const auto permissive = mode->oneOf<bool>(kEnforcement)) out.permissive = *permissive;
  }
}

}  // namespace fairway::api
