#include "normalize/telemetry.h"

namespace fairway::normalize {

const model::Telemetry& workloadTelemetry(store::View& view, const std::string& ns, const model::Labels& labels) {
  return view.ask(TelemetryOf{ns, view.ask(TelemetryFor{ns, labels})});
}

TelemetryFor::Value telemetryFor(store::View&, const TelemetryFor&) { return {}; }

TelemetryOf::Value telemetryOf(store::View& view, const TelemetryOf&) {
  TelemetryOf::Value result;
  const auto& mesh = view.ask(MeshSettingsOf{});
  if (!mesh.accessLogFile.empty()) {
    model::FileLog log;
    log.path = mesh.accessLogFile;
    log.json = mesh.accessLogJson;
    (log.json ? log.format.json : log.format.text) = mesh.accessLogFormat;
    result.client.logs = result.server.logs = {{"envoy", log, {}}};
  }
  return result;
}

}  // namespace fairway::normalize
