#include "normalize/telemetry_merge.h"

#include <algorithm>
#include <map>
#include <type_traits>

#include "base/strings.h"
#include "normalize/objects.h"

namespace fairway::normalize {

namespace {

using Spec = api::TelemetrySpec;
using Mode = Spec::Mode;

bool covers(Mode mode, Mode asked) { return mode == Mode::client_and_server || mode == asked; }

template <class Element>
bool covers(const Element& element, Mode asked) {
  // Whom a metric's override is for, it says itself.
  if constexpr (std::is_same_v<Element, Spec::Metrics>) {
    return true;
  } else {
    return covers(element.mode, asked);
  }
}

std::set<std::string> lowered(const std::vector<std::string>& names) {
  std::set<std::string> result;
  for (const auto& name : names) result.insert(toLower(name));
  return result;
}

model::Metric convert(Spec::Metric metric) {
  using From = Spec::Metric;
  using To = model::Metric;
  switch (metric) {
    case From::request_count: return To::request_count;
    case From::request_duration: return To::request_duration;
    case From::request_size: return To::request_size;
    case From::response_size: return To::response_size;
    case From::tcp_opened_connections: return To::tcp_opened_connections;
    case From::tcp_closed_connections: return To::tcp_closed_connections;
    case From::tcp_sent_bytes: return To::tcp_sent_bytes;
    case From::tcp_received_bytes: return To::tcp_received_bytes;
    case From::grpc_request_messages: return To::grpc_request_messages;
    case From::grpc_response_messages: return To::grpc_response_messages;
  }
  return To::request_count;
}

void apply(const Spec::MetricsOverride& from, model::Metrics& to) {
  for (const auto metric : model::kAllMetrics) {
    if (from.metric && convert(*from.metric) != metric) continue;
    auto& change = to.changes[metric];
    if (from.disabled) change.disabled = *from.disabled;
    for (const auto& [name, tag] : from.tags) {
      change.tags[name] = tag.remove ? std::nullopt : std::optional(tag.value);
    }
  }
}

// Equal meanings get equal values.
void tidy(model::Metrics& metrics) {
  for (auto& [metric, change] : metrics.changes) {
    if (change.disabled) change.tags.clear();
  }
  std::erase_if(metrics.changes, [](const auto& entry) { return entry.second == model::MetricChange{}; });
  const bool any = std::any_of(model::kAllMetrics.begin(), model::kAllMetrics.end(),
                               [&](model::Metric metric) { return metrics.has(metric); });
  if (any) return;
  metrics = {};
  metrics.enabled = false;
}

}  // namespace

TelemetryMerge::TelemetryMerge(store::View& view, const std::vector<const api::Telemetry*>& levels)
    : view_(view), providers_(view.ask(TelemetryProviders{})) {
  metrics_ = readable(levels, "spec.metrics", &Spec::metrics);
  logs_ = readable(levels, "spec.accessLogging", &Spec::accessLogging);
  tracing_ = readable(levels, "spec.tracing", &Spec::tracing);
  checkProviders(
      metrics_, [](const auto& provider) { return provider.prometheus; }, "prometheus");
  checkProviders(
      logs_, [](const auto& provider) { return provider.log.has_value(); },
      "envoyFileAccessLog, envoyOtelAls, envoyHttpAls, envoyTcpAls or fluentd");
  checkProviders(
      tracing_, [](const auto& provider) { return provider.tracing.has_value(); }, "zipkin or opentelemetry");
}

template <class Element>
TelemetryMerge::Levels<Element> TelemetryMerge::readable(const std::vector<const api::Telemetry*>& levels,
                                                         std::string_view list,
                                                         const std::vector<Element> Spec::*elements) const {
  Levels<Element> result;
  for (const auto* object : levels) {
    const auto& all = object->spec.*elements;
    auto& level = result.emplace_back();
    const Errors errors(*object);
    std::string path(list);
    if (errors.below("spec.access_logging") && list == "spec.accessLogging") path = "spec.access_logging";
    if (errors.atList(path, all.size())) {
      error(view_, provenanceOf(*object), path, "it has errors and is left out: it changes nothing");
      continue;
    }
    for (std::size_t i = 0; i < all.size(); ++i) {
      const auto field = path + "[" + std::to_string(i) + "]";
      if (errors.atItem(path, i)) {
        error(view_, provenanceOf(*object), field, "it has errors and is left out: it changes nothing");
        continue;
      }
      level.push_back({object, &all[i], field});
    }
  }
  return result;
}

template <class Element>
void TelemetryMerge::checkProviders(const Levels<Element>& levels,
                                    const std::function<bool(const TelemetryProvider&)>& fits,
                                    const char* expected) const {
  for (const auto& level : levels) {
    for (const auto& entry : level) {
      for (std::size_t i = 0; i < entry.element->providers.size(); ++i) {
        const auto& name = entry.element->providers[i];
        const auto* provider = providers_.find(name);
        if (provider != nullptr && fits(*provider)) continue;
        const auto field = entry.field + ".providers[" + std::to_string(i) + "].name";
        if (provider == nullptr) {
          error(view_, provenanceOf(*entry.object), field,
                "\"" + name + "\" is not among the mesh's extensionProviders: nothing goes there");
        } else if (!provider->problem.empty()) {
          error(view_, provenanceOf(*entry.object), field,
                "the provider \"" + name + "\" cannot be used: " + provider->problem);
        } else {
          error(view_, provenanceOf(*entry.object), field,
                "the provider \"" + name + "\" cannot be used here: " + std::string(describe(*provider)) +
                    ", expected one of kind " + expected);
        }
      }
    }
  }
}

template <class Element>
std::set<std::string> TelemetryMerge::inScope(const Levels<Element>& levels, Mode mode,
                                              const std::vector<std::string>& defaults) {
  auto scope = lowered(defaults);
  for (const auto& level : levels) {
    std::set<std::string> names;
    for (const auto& entry : level) {
      if (covers(*entry.element, mode)) names.merge(lowered(entry.element->providers));
    }
    if (!names.empty()) scope = std::move(names);
  }
  return scope;
}

model::Metrics TelemetryMerge::metrics(Mode mode) const {
  const auto counts = [&](const std::set<std::string>& names, const std::set<std::string>& scope) {
    return std::any_of(names.begin(), names.end(), [&](const auto& name) {
      const auto* provider = providers_.find(name);
      return scope.contains(name) && provider != nullptr && provider->prometheus;
    });
  };
  const auto scope = inScope(metrics_, mode, providers_.metrics);
  model::Metrics result;
  result.enabled = counts(scope, scope);
  if (!result.enabled) return result;
  auto names = lowered(providers_.metrics);
  for (const auto& level : metrics_) {
    for (const auto& entry : level) {
      if (!entry.element->providers.empty()) names = lowered(entry.element->providers);
      if (!counts(names, scope)) continue;
      for (const auto& one : entry.element->overrides) {
        if (covers(one.mode, mode)) apply(one, result);
      }
      if (entry.element->reportingInterval) result.reportingInterval = *entry.element->reportingInterval;
    }
  }
  tidy(result);
  return result;
}

std::vector<model::AccessLog> TelemetryMerge::logs(Mode mode) const {
  struct State {
    bool on = true;
    bool offByParent = false;  // a level before disabled it
    std::string filter;
  };
  const auto scope = inScope(logs_, mode, providers_.logs);
  std::map<std::string, State> states;
  auto names = lowered(providers_.logs);
  for (const auto& name : names) {
    if (scope.contains(name)) states[name];
  }
  for (const auto& level : logs_) {
    for (auto& [name, state] : states) state.offByParent = !state.on;
    for (const auto& entry : level) {
      const auto& element = *entry.element;
      if (!covers(element.mode, mode)) continue;
      const bool named = !element.providers.empty();
      if (named) names = lowered(element.providers);
      for (const auto& name : names) {
        if (!scope.contains(name)) continue;
        auto& state = states[name];
        if (element.disabled) {
          state.on = !*element.disabled;
        } else if (!state.offByParent) {
          state.on = true;
        } else {
          warning(
              view_, provenanceOf(*entry.object), entry.field,
              "the log of provider \"" + name +
                  "\" stays off, as a Telemetry above disables it: expected `disabled: false` here if it is to be on");
        }
        if (element.disabled == false) state.offByParent = false;
        if (named || element.filter) state.filter = element.filter.value_or("");
      }
    }
  }
  std::vector<model::AccessLog> result;
  for (const auto& [name, state] : states) {
    const auto* provider = providers_.find(name);
    if (!state.on || provider == nullptr || !provider->log) continue;
    result.push_back(*provider->log);
    result.back().filter = state.filter;
  }
  return result;
}

std::optional<model::Tracing> TelemetryMerge::tracing(Mode mode) const {
  const model::Tracing* base = providers_.oldTracing ? &*providers_.oldTracing : nullptr;
  const auto use = [&](const std::string& name) {
    const auto* provider = providers_.find(name);
    base = provider != nullptr && provider->tracing ? &*provider->tracing : nullptr;
  };
  if (!providers_.tracing.empty()) use(providers_.tracing.front());
  bool named = base != nullptr || !providers_.tracing.empty();
  const Entry<Spec::Tracing>* last = nullptr;
  Spec::Tracing merged;
  for (const auto& level : tracing_) {
    for (const auto& entry : level) {
      const auto& from = *entry.element;
      if (!covers(from.mode, mode)) continue;
      last = &entry;
      if (!from.providers.empty()) {
        named = true;
        use(from.providers.front());
      }
      if (from.sampling) merged.sampling = from.sampling;
      if (from.disableSpanReporting) merged.disableSpanReporting = from.disableSpanReporting;
      if (from.customTags) merged.customTags = from.customTags;
      if (from.requestIdSampling) merged.requestIdSampling = from.requestIdSampling;
      if (from.istioTags) merged.istioTags = from.istioTags;
    }
  }
  if (!named && last != nullptr && !merged.disableSpanReporting.value_or(false)) {
    warning(view_, provenanceOf(*last->object), last->field,
            "there is no provider for spans, so there are none: expected providers here, or defaultProviders.tracing "
            "in the "
            "mesh's settings");
  }
  if (base == nullptr) return std::nullopt;
  auto result = *base;
  if (merged.sampling) result.sampling = *merged.sampling;
  result.report = !merged.disableSpanReporting.value_or(false);
  if (merged.customTags) result.tags = convertTags(*merged.customTags);
  result.requestIdSampling = merged.requestIdSampling.value_or(true);
  if (merged.istioTags) result.istioTags = *merged.istioTags;
  return result;
}

model::Telemetry::Side TelemetryMerge::of(Mode mode) const { return {metrics(mode), logs(mode), tracing(mode)}; }

}  // namespace fairway::normalize
