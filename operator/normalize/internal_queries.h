#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "api/meta.h"
#include "api/object.h"
#include "model/common.h"
#include "store/view.h"

// Derived values that only this folder asks for. They cut a question into parts that change at different
// rates, so that a change stops where it no longer matters.
namespace fairway::normalize {

// The VirtualServices and the DestinationRules whose host is this one or a wildcard over it.
struct HostRule {
  std::string pattern;  // host as resolved: the FQDN itself or a wildcard
  std::string ns, name;
  bool operator==(const HostRule&) const = default;
};

// Most specific pattern first, then namespace and name.
struct HostVirtualServices {
  using Value = std::vector<HostRule>;
  static constexpr std::string_view kType = "host-virtual-services";
  std::string host;
  [[nodiscard]] std::string key() const { return host; }
  static HostVirtualServices parse(std::string_view key) { return {std::string(key)}; }
};

struct HostDestinationRules {
  using Value = std::vector<HostRule>;
  static constexpr std::string_view kType = "host-destination-rules";
  std::string host;
  [[nodiscard]] std::string key() const { return host; }
  static HostDestinationRules parse(std::string_view key) { return {std::string(key)}; }
};

// What the named ports of the pods with exactly these labels stand for: sorted numbers by name.
struct NamedPortsOf {
  using Value = std::map<std::string, std::vector<std::uint32_t>>;
  static constexpr std::string_view kType = "named-ports";
  std::string ns;
  model::Labels labels;
  [[nodiscard]] std::string key() const;
  static NamedPortsOf parse(std::string_view key);
};

// The effective RbacConfig of the mesh: (Cluster)RbacConfig named `default`.
struct RbacSwitch {
  enum class Mode { off, on, on_with_inclusion, on_with_exclusion };
  struct Value {
    Mode mode = Mode::off;
    bool enforced = true;
    std::vector<std::string> services, namespaces;  // of the inclusion or exclusion, sorted
    bool operator==(const Value&) const = default;

    // Whether requests to this service are checked. An empty host: ports of the namespace that no service names.
    [[nodiscard]] bool covers(std::string_view host, std::string_view ns) const;
  };
  static constexpr std::string_view kType = "rbac-switch";
  [[nodiscard]] std::string key() const { return {}; }
  static RbacSwitch parse(std::string_view) { return {}; }
};

// Tells about the bindings of a namespace that name no role. Has no value of its own: a binding that comes
// or goes concerns nobody but the role it names.
struct BindingCheck {
  struct Value {
    bool operator==(const Value&) const = default;
  };
  static constexpr std::string_view kType = "role-binding-check";
  std::string ns;
  [[nodiscard]] std::string key() const { return ns; }
  static BindingCheck parse(std::string_view key) { return {std::string(key)}; }
};

}  // namespace fairway::normalize
