#include "inspect/routes.h"

#include <algorithm>

#include "base/strings.h"
#include "inspect/fields.h"

namespace fairway::inspect {

using nlohmann::json;

namespace {

constexpr std::size_t kDomainsShown = 2;

std::string domainsText(const json& host) {
  const auto& domains = itemsAt(host, {"domains"});
  std::vector<std::string> shown;
  for (std::size_t i = 0; i < std::min(domains.size(), kDomainsShown); ++i) {
    shown.push_back(domains[i].is_string() ? domains[i].get<std::string>() : domains[i].dump());
  }
  auto text = join(shown, ", ");
  if (domains.size() > kDomainsShown) text += " + " + std::to_string(domains.size() - kDomainsShown) + " more...";
  return text;
}

std::string matchText(const json& match) {
  auto text = pathText(match);
  for (const auto& header : itemsAt(match, {"headers"})) text += "; header " + textAt(header, {"name"});
  for (const auto& parameter : itemsAt(match, {"query_parameters"})) text += "; query " + textAt(parameter, {"name"});
  return text;
}

// "msb.onap"; of another kind than VirtualService with the kind; the status where Envoy answers itself.
std::string originText(const json& route) {
  const auto origin = originOf(route);
  if (!origin.name.empty()) return (origin.kind == "VirtualService" ? "" : origin.kind + " ") + origin.toString();
  const auto status = numberAt(route, {"direct_response", "status"});
  return status == 0 ? "" : std::to_string(status);
}

}  // namespace

std::string pathText(const json& match) {
  for (const auto& [field, before, after] :
       {std::tuple{"prefix", "", "*"}, {"path", "", ""}, {"path_separated_prefix", "", "[/*]"}}) {
    const auto text = textAt(match, {field});
    if (!text.empty()) return before + text + after;
  }
  const auto regex = textAt(match, {"safe_regex", "regex"});
  if (!regex.empty()) return "regex " + regex;
  return match.contains("connect_matcher") ? "CONNECT" : "/*";
}

json routesJson(const Dump& dump, const Filter& filter) {
  std::vector<json> found;
  for (const auto& route : dump.of(Type::route)) {
    if (!filter.name.empty() && route.name != filter.name) continue;
    auto config = route.config;
    const std::string prefix = route.name + "/";
    if (config.contains("vhds")) {
      auto& hosts = config["virtual_hosts"];
      if (!hosts.is_array()) hosts = json::array();
      for (const auto& host : dump.of(Type::virtual_host)) {
        if (!host.name.starts_with(prefix) || host.name.find('/', prefix.size()) != std::string::npos) continue;
        hosts.push_back(host.config);
        hosts.back().erase("@type");
      }
    }
    // A route configuration within listeners is listed once for each of them.
    if (std::find(found.begin(), found.end(), config) == found.end()) found.push_back(std::move(config));
  }
  std::stable_sort(found.begin(), found.end(), [](const json& left, const json& right) {
    return textAt(left, {"name"}) < textAt(right, {"name"});
  });
  return found;
}

Table routesTable(const Dump& dump, const Filter& filter) {
  Table table{{"NAME", "VHOST NAME", "DOMAINS", "MATCH", "VIRTUAL SERVICE"}, {}};
  for (const auto& config : routesJson(dump, filter)) {
    const auto name = textAt(config, {"name"});
    for (const auto& host : itemsAt(config, {"virtual_hosts"})) {
      auto hostName = textAt(host, {"name"});
      if (hostName.starts_with(name + "/")) hostName.erase(0, name.size() + 1);
      for (const auto& route : itemsAt(host, {"routes"})) {
        table.add({name, hostName, domainsText(host), matchText(valueAt(route, {"match"})), originText(route)});
      }
    }
  }
  return table;
}

}  // namespace fairway::inspect
