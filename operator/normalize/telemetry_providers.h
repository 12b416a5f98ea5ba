#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/telemetry.h"
#include "model/telemetry.h"
#include "store/view.h"

// Who takes what the mesh tells: its extensionProviders of these kinds, and which of them are used where nobody says so.
namespace fairway::normalize {

struct TelemetryProvider {
  bool prometheus = false;
  std::optional<model::AccessLog> log;    // without a filter
  std::optional<model::Tracing> tracing;  // as the mesh's settings have it
  std::string problem;                    // why it cannot be used: none of the others is set then
  bool operator==(const TelemetryProvider&) const = default;
};

struct TelemetryProviders {
  struct Value {
    // By name in lower case: case does not count. Always "prometheus" and "envoy" (the access log file).
    std::map<std::string, TelemetryProvider> byName;
    std::vector<std::string> metrics, logs, tracing;  // defaults; names
    std::optional<model::Tracing> oldTracing;         // of enableTracing and defaultConfig, without a name
    bool operator==(const Value&) const = default;

    [[nodiscard]] const TelemetryProvider* find(const std::string& name) const;
  };
  static constexpr std::string_view kType = "telemetry-providers";
  [[nodiscard]] std::string key() const { return {}; }
  static TelemetryProviders parse(std::string_view) { return {}; }
};

TelemetryProviders::Value telemetryProviders(store::View& view, const TelemetryProviders& query);

std::map<std::string, model::CustomTag> convertTags(const std::map<std::string, api::TelemetrySpec::CustomTag>& tags);

// What a provider is, in words for messages: "it takes metrics".
std::string_view describe(const TelemetryProvider& provider);

}  // namespace fairway::normalize
