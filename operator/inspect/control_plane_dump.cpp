#include "inspect/control_plane_dump.h"

#include "inspect/fields.h"

namespace fairway::inspect {

using nlohmann::json;

Dump controlPlaneDump(const json& page) {
  Dump dump;
  dump.source = Dump::Source::control_plane;
  dump.proxy = textAt(page, {"proxy"});
  const auto& settled = valueAt(page, {"settled"});
  dump.settled = !settled.is_boolean() || settled.get<bool>();
  for (std::size_t i = 0; i < kTypeCount; ++i) {
    const auto type = static_cast<Type>(i);
    const auto reason = textAt(page, {"refusals", shortName(type)});
    for (const auto& each : itemsAt(page, {"resources", shortName(type)})) {
      Resource resource{textAt(each, {"name"}), textAt(each, {"version"}), textAt(each, {"status"}),
                        valueAt(each, {"resource"})};
      if (type == Type::secret) redactSecret(resource.config);
      if (resource.state == "REJECTED") dump.refusals.push_back({type, resource.name, reason});
      dump.of(type).push_back(std::move(resource));
    }
  }
  return dump;
}

}  // namespace fairway::inspect
