#include "listener.h"

#include <stdexcept>

#include <google/protobuf/util/json_util.h>

namespace fairway::evaluate::test {

namespace {

const std::string kFilters = "type.googleapis.com/envoy.extensions.filters.";

json filter(const std::string& name, const std::string& type, json config) {
  config["@type"] = type;
  return {{"name", name}, {"typed_config", std::move(config)}};
}

}  // namespace

void parse(const std::string& text, google::protobuf::Message& out) {
  const auto status = google::protobuf::util::JsonStringToMessage(text, &out);
  if (!status.ok()) throw std::invalid_argument(std::string(status.message()));
}

json httpFilter(const std::string& name, const std::string& type, json config) {
  return filter(name, kFilters + "http." + type, std::move(config));
}

json networkFilter(const std::string& name, const std::string& type, json config) {
  return filter(name, kFilters + "network." + type, std::move(config));
}

json rbacRules(const std::string& action, const json& permission, const json& principal) {
  return {
      {"action", action},
      {"policies", {{"p", {{"permissions", json::array({permission})}, {"principals", json::array({principal})}}}}}};
}

json httpRbac(const json& rules) { return httpFilter("envoy.filters.http.rbac", "rbac.v3.RBAC", {{"rules", rules}}); }

json manager(json filters, const json& settings) {
  const json route{{"name", "r"}, {"match", {{"prefix", "/"}}}, {"route", {{"cluster", "app"}}}};
  json config{
      {"stat_prefix", "x"},
      {"route_config",
       {{"virtual_hosts", json::array({{{"name", "v"}, {"domains", {"*"}}, {"routes", json::array({route})}}})}}}};
  filters.push_back(httpFilter("envoy.filters.http.router", "router.v3.Router", json::object()));
  config["http_filters"] = std::move(filters);
  config.update(settings);
  return networkFilter("envoy.filters.network.http_connection_manager",
                       "http_connection_manager.v3.HttpConnectionManager", std::move(config));
}

json tcpProxy(const std::string& cluster) {
  return networkFilter("envoy.filters.network.tcp_proxy", "tcp_proxy.v3.TcpProxy",
                       {{"stat_prefix", "x"}, {"cluster", cluster}});
}

json chain(const std::string& name, json filters, json match) {
  json result{{"name", name}, {"filters", std::move(filters)}};
  if (!match.is_null()) result["filter_chain_match"] = std::move(match);
  return result;
}

Evaluator evaluator(json chains, json more) {
  more["name"] = "l";
  more["filter_chains"] = std::move(chains);
  auto result = Evaluator::fromJson(more);
  if (!result) throw std::invalid_argument(result.error().message);
  return *result;
}

Question get(const std::string& path, const std::vector<std::pair<std::string, std::string>>& headers) {
  Question question;
  question.connection.source = "10.0.0.1";
  question.connection.destination = "10.0.0.2";
  question.connection.port = 8080;
  auto& request = question.request.emplace();
  request.path = path;
  request.authority = "h";
  request.headers = headers;
  return question;
}

Verdict ask(const json& filters, const Question& question, bool explain) {
  return evaluator(json::array({chain("c", json::array({manager(filters)}))})).evaluate(question, explain);
}

}  // namespace fairway::evaluate::test
