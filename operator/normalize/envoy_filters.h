#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/meta.h"
#include "model/envoy_filter.h"
#include "store/view.h"

namespace fairway::normalize {

// Whether there is an EnvoyFilter in a namespace or in the root namespace: most proxies are asked no more.
struct EnvoyFiltersIn {
  using Value = bool;
  static constexpr std::string_view kType = "envoy-filters-in";
  std::string ns;
  [[nodiscard]] std::string key() const { return ns; }
  static EnvoyFiltersIn parse(std::string_view key) { return {std::string(key)}; }
};

// The EnvoyFilters for workloads with these labels, in the order in which they are applied: those of the root namespace,
// then those of the workload's, each by priority, creation time and name.
struct EnvoyFiltersFor {
  using Value = std::vector<api::NamespacedName>;
  static constexpr std::string_view kType = "envoy-filters-for";
  std::string ns;
  model::Labels labels;
  [[nodiscard]] std::string key() const;
  static EnvoyFiltersFor parse(std::string_view key);
};

// One of them.
struct EnvoyFilterOf {
  using Value = std::optional<model::EnvoyFilter>;
  static constexpr std::string_view kType = "envoy-filter";
  std::string ns, name;
  [[nodiscard]] std::string key() const { return store::joinKey({ns, name}); }
  static EnvoyFilterOf parse(std::string_view key);
};

// All of them.
struct AllEnvoyFilters {
  using Value = std::vector<api::NamespacedName>;
  static constexpr std::string_view kType = "all-envoy-filters";
  [[nodiscard]] std::string key() const { return {}; }
  static AllEnvoyFilters parse(std::string_view) { return {}; }
};

EnvoyFiltersIn::Value envoyFiltersIn(store::View& view, const EnvoyFiltersIn& query);
EnvoyFiltersFor::Value envoyFiltersFor(store::View& view, const EnvoyFiltersFor& query);
EnvoyFilterOf::Value envoyFilterOf(store::View& view, const EnvoyFilterOf& query);
AllEnvoyFilters::Value allEnvoyFilters(store::View& view, const AllEnvoyFilters& query);

}  // namespace fairway::normalize
