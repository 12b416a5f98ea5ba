#include "inspect/envoy_dump.h"

#include "base/strings.h"
#include "inspect/fields.h"

namespace fairway::inspect {

using nlohmann::json;

namespace {

class Reader {
 public:
  Dump read(const json& page) {
    for (const auto& part : itemsAt(page, {"configs"})) {
      const auto type = textAt(part, {"@type"});
      const auto name = type.substr(type.rfind('.') + 1);
      if (name == "BootstrapConfigDump") bootstrap(part);
      if (name == "ClustersConfigDump") clusters(part);
      if (name == "EndpointsConfigDump") endpoints(part);
      if (name == "ListenersConfigDump") listeners(part);
      if (name == "RoutesConfigDump") routes(part);
      if (name == "SecretsConfigDump") secrets(part);
    }
    return std::move(dump_);
  }

 private:
  void add(Type type, std::string name, std::string version, std::string state, json config) {
    dump_.of(type).push_back({std::move(name), std::move(version), std::move(state), std::move(config)});
  }

  void refused(Type type, const std::string& name, const json& holder) {
    const auto& error = valueAt(holder, {"error_state"});
    if (error.is_object()) dump_.refusals.push_back({type, name, textAt(error, {"details"})});
  }

  void bootstrap(const json& part) {
    dump_.bootstrap = valueAt(part, {"bootstrap"});
    const auto id = split(textAt(dump_.bootstrap, {"node", "id"}), '~');
    if (id.size() == 4) dump_.proxy = id[2];
    // Of the values that Envoy writes out, these are the secret ones.
    auto secrets = dump_.bootstrap.find("static_resources");
    if (secrets == dump_.bootstrap.end() || !secrets->contains("secrets")) return;
    for (auto& secret : (*secrets)["secrets"]) redactSecret(secret);
  }

  void clusters(const json& part) {
    for (const auto& [list, state] : {std::pair{"static_clusters", "STATIC"},
                                      {"dynamic_active_clusters", "ACTIVE"},
                                      {"dynamic_warming_clusters", "WARMING"}}) {
      for (const auto& each : itemsAt(part, {list})) {
        const auto& config = valueAt(each, {"cluster"});
        const auto name = textAt(config, {"name"});
        refused(Type::cluster, name, each);
        if (config.is_object()) add(Type::cluster, name, textAt(each, {"version_info"}), state, config);
      }
    }
  }

  void endpoints(const json& part) {
    for (const auto& [list, state] :
         {std::pair{"static_endpoint_configs", "STATIC"}, {"dynamic_endpoint_configs", "ACTIVE"}}) {
      for (const auto& each : itemsAt(part, {list})) {
        const auto& config = valueAt(each, {"endpoint_config"});
        add(Type::endpoint, textAt(config, {"cluster_name"}), textAt(each, {"version_info"}), state, config);
      }
    }
  }

  void listeners(const json& part) {
    for (const auto& each : itemsAt(part, {"static_listeners"})) {
      const auto& config = valueAt(each, {"listener"});
      add(Type::listener, textAt(config, {"name"}), {}, "STATIC", config);
    }
    for (const auto& each : itemsAt(part, {"dynamic_listeners"})) {
      const auto name = textAt(each, {"name"});
      refused(Type::listener, name, each);
      for (const auto& [key, state] : {std::pair{"active_state", "ACTIVE"}, {"warming_state", "WARMING"}}) {
        const auto& held = valueAt(each, {key});
        if (!held.is_object()) continue;
        add(Type::listener, name, textAt(held, {"version_info"}), state, valueAt(held, {"listener"}));
      }
    }
  }

  // Envoy shows the virtual hosts of VHDS as parts of their route configuration, and one version for both.
  void routes(const json& part) {
    for (const auto& each : itemsAt(part, {"static_route_configs"})) {
      const auto& config = valueAt(each, {"route_config"});
      add(Type::route, textAt(config, {"name"}), {}, "STATIC", config);
    }
    for (const auto& each : itemsAt(part, {"dynamic_route_configs"})) {
      auto config = valueAt(each, {"route_config"});
      const auto name = textAt(config, {"name"});
      refused(Type::route, name, each);
      if (!config.is_object()) continue;
      if (config.contains("vhds")) {
        json own = json::array();
        for (const auto& host : itemsAt(config, {"virtual_hosts"})) {
          const auto hostName = textAt(host, {"name"});
          const auto slash = hostName.rfind('/');
          if (slash != std::string::npos && hostName.compare(0, slash, name) == 0) {
            add(Type::virtual_host, hostName, {}, "ACTIVE", host);
          } else {
            own.push_back(host);
          }
        }
        config.erase("virtual_hosts");
        if (!own.empty()) config["virtual_hosts"] = std::move(own);
      }
      add(Type::route, name, textAt(each, {"version_info"}), "ACTIVE", std::move(config));
    }
  }

  // Envoy lists a secret once for each place that refers to it.
  void secrets(const json& part) {
    for (const auto& [list, state] : {std::pair{"static_secrets", "STATIC"},
                                      {"dynamic_active_secrets", "ACTIVE"},
                                      {"dynamic_warming_secrets", "WARMING"}}) {
      for (const auto& each : itemsAt(part, {list})) {
        const auto name = textAt(each, {"name"});
        refused(Type::secret, name, each);
        auto config = valueAt(each, {"secret"});
        redactSecret(config);
        const auto version = textAt(each, {"version_info"});
        bool known = false;
        for (const auto& other : dump_.of(Type::secret)) {
          known = known || (other.name == name && other.state == state && other.config == config);
        }
        if (!known) add(Type::secret, name, version, state, std::move(config));
      }
    }
  }

  Dump dump_;
};

}  // namespace

Dump envoyDump(const json& page) { return Reader().read(page); }

}  // namespace fairway::inspect
