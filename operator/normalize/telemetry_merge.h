#pragma once

#include <cstddef>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "api/telemetry.h"
#include "model/telemetry.h"
#include "normalize/telemetry_providers.h"
#include "store/view.h"

namespace fairway::normalize {

// The Telemetry objects that count for some workloads, put together: the mesh's first, then the namespace's, then the workload's
// own, over the mesh's defaults. Of each:
// - Providers that a level names replace those of the levels before it; without any these stay.
// - Metrics: overrides are applied in order, one field of one metric after the other.
// - Access logs: what was disabled by a level before stays so until `disabled: false` is said.
// - Tracing: each field that is given replaces what was there; customTags as a whole.
// An element of a list that cannot be read is left out, with a note.
class TelemetryMerge {
 public:
  using Mode = api::TelemetrySpec::Mode;
  // `levels` are not null.
  TelemetryMerge(store::View& view, const std::vector<const api::Telemetry*>& levels);

  // `mode` is client or server.
  [[nodiscard]] model::Telemetry::Side of(Mode mode) const;

 private:
  template <class Element>
  struct Entry {
    const api::Telemetry* object;
    const Element* element;
    std::string field;  // "spec.metrics[0]"
  };
  template <class Element>
  using Levels = std::vector<std::vector<Entry<Element>>>;

  template <class Element>
  [[nodiscard]] Levels<Element> readable(const std::vector<const api::Telemetry*>& levels, std::string_view list,
                                         const std::vector<Element> api::TelemetrySpec::*elements) const;
  // Tells the author of each provider that is not there, or takes something else.
  template <class Element>
  void checkProviders(const Levels<Element>& levels, const std::function<bool(const TelemetryProvider&)>& fits,
                      const char* expected) const;
  // Of the named providers the last level's that names some; in lower case.
  template <class Element>
  [[nodiscard]] static std::set<std::string> inScope(const Levels<Element>& levels, Mode mode,
                                                     const std::vector<std::string>& defaults);

  [[nodiscard]] model::Metrics metrics(Mode mode) const;
  [[nodiscard]] std::vector<model::AccessLog> logs(Mode mode) const;
  [[nodiscard]] std::optional<model::Tracing> tracing(Mode mode) const;

  store::View& view_;
  const TelemetryProviders::Value& providers_;
  Levels<api::TelemetrySpec::Metrics> metrics_;
  Levels<api::TelemetrySpec::AccessLogging> logs_;
  Levels<api::TelemetrySpec::Tracing> tracing_;
};

}  // namespace fairway::normalize
