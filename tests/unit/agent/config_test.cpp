#include "agent/config.h"

#include <catch2/catch.hpp>
#include <set>

#include "support.h"

using namespace fairway::agent;
using namespace fairway::agent::test;

namespace {

AgentOptions valid() {
  AgentOptions options;
  options.podName = "portal-1";
  options.podNamespace = "onap";
  options.ips = {"10.0.0.7"};
  return options;
}

std::string refusal(AgentOptions options) {
  const auto completed = complete(options);
  REQUIRE_FALSE(completed);
  return completed.error().message;
}

const AgentFlag& flag(const std::string& name) {
  for (const auto& each : agentFlags()) {
    if (each.name == name) return each;
  }
  FAIL("no flag " << name);
  throw std::logic_error("unreachable");
}

}  // namespace

TEST_CASE("every flag and every variable is there once") {
  std::set<std::string> names, variables;
  for (const auto& each : agentFlags()) {
    CHECK(names.insert(each.name).second);
    CHECK(variables.insert(each.environment).second);
    CHECK(each.name.starts_with("--"));
    CHECK_FALSE(each.help.empty());
  }
}

TEST_CASE("the environment sets options") {
  const std::map<std::string, std::string> environment = {{"POD_NAME", "msb-0"},
                                                          {"POD_NAMESPACE", "onap"},
                                                          {"SERVICE_ACCOUNT", "msb"},
                                                          {"INSTANCE_IPS", "10.0.0.1, fd00::1"},
                                                          {"FAIRWAY_LABELS", "app=msb, version=v1,empty="},
                                                          {"FAIRWAY_PROXY_TYPE", "router"},
                                                          {"FAIRWAY_DRAIN_TIME", "2m"},
                                                          {"FAIRWAY_INTERCEPTION", "NONE"},
                                                          {"FAIRWAY_APP_ADDRESS", "127.0.0.5"},
                                                          {"FAIRWAY_CONCURRENCY", "0"},
                                                          {"FAIRWAY_UNPRIVILEGED", "true"},
                                                          {"FAIRWAY_ENVOY", ""}};
  AgentOptions options;
  REQUIRE(applyEnvironment(options, [&](const std::string& name) -> std::optional<std::string> {
    const auto found = environment.find(name);
    if (found == environment.end()) return std::nullopt;
    return found->second;
  }));
  CHECK(options.podName == "msb-0");
  CHECK(options.serviceAccount == "msb");
  CHECK(options.ips == std::vector<std::string>{"10.0.0.1", "fd00::1"});
  CHECK(options.labels == std::map<std::string, std::string>{{"app", "msb"}, {"version", "v1"}, {"empty", ""}});
  CHECK(options.proxyType == ProxyType::router);
  CHECK(options.drainTime == 120s);
  CHECK(options.interception == Interception::none);
  CHECK(options.appAddress == "127.0.0.5");
  CHECK(options.concurrency == 0);
  CHECK(options.unprivileged);
  CHECK(options.envoy == "/usr/local/bin/envoy");
  CHECK(complete(options));
}

TEST_CASE("a bad variable is named") {
  AgentOptions options;
  const auto applied = applyEnvironment(options, [](const std::string& name) -> std::optional<std::string> {
    if (name == "FAIRWAY_INTERCEPTION") return "tproxy";
    return std::nullopt;
  });
  REQUIRE_FALSE(applied);
  CHECK(applied.error().message == "environment FAIRWAY_INTERCEPTION: \"tproxy\": expected none|redirect");
}

TEST_CASE("values of flags") {
  AgentOptions options;
  const auto& drain = flag("--drain-time");
  CHECK((drain.set(options, "90") && options.drainTime == 90s));
  CHECK((drain.set(options, "0") && options.drainTime == 0s));
  CHECK((drain.set(options, "1h") && options.drainTime == 1h));
  for (const auto* text : {"", "s", "-1s", "1.5s", "1d", "99999999999999999999h", "9999999999h"}) {
    CAPTURE(text);
    CHECK_FALSE(drain.set(options, text));
  }
  CHECK_FALSE(flag("--labels").set(options, "novalue"));
  CHECK_FALSE(flag("--labels").set(options, "=x"));
  CHECK_FALSE(flag("--concurrency").set(options, "many"));
  CHECK_FALSE(flag("--concurrency").set(options, "100000"));
  CHECK_FALSE(flag("--unprivileged").set(options, "maybe"));
  CHECK_FALSE(flag("--log-format").set(options, "xml"));
  CHECK((flag("--agent-address").set(options, "none") && options.agentAddress.empty()));
}

TEST_CASE("options that are complete") {
  auto options = valid();
  CHECK(complete(options));
  CHECK(serverNameOf(options) == "istiod.istio-system.svc");
  options.discoveryAddress = "127.0.0.1:15012";
  CHECK(serverNameOf(options) == "istiod.istio-system.svc");
  options.discoveryAddress = "[::1]:15012";
  CHECK(serverNameOf(options) == "istiod.istio-system.svc");
  options.discoveryAddress = "localhost:15012";
  CHECK(serverNameOf(options) == "localhost");
  options.discoveryServerName = "fairway.example";
  CHECK(serverNameOf(options) == "fairway.example");
  options.logLevel = "warn";
  options.componentLogLevel = "upstream:debug,config:trace";
  CHECK(complete(options));
}

TEST_CASE("what is missing or wrong is named, by its flag") {
  const auto with = [](auto change) {
    auto options = valid();
    change(options);
    return refusal(options);
  };
  CHECK(with([](auto& o) { o.podName.clear(); }) == "--pod-name: missing");
  CHECK(with([](auto& o) { o.podName = "a~b"; }).starts_with("--pod-name: "));
  CHECK(with([](auto& o) { o.podNamespace.clear(); }).find("namespace \"\"") != std::string::npos);
  CHECK(with([](auto& o) { o.trustDomain = "A B"; }).find("trust domain") != std::string::npos);
  CHECK(with([](auto& o) { o.ips.clear(); }).starts_with("--ips: missing"));
  CHECK(with([](auto& o) { o.ips = {"10.0.0.1", "x"}; }) == "--ips: \"x\": expected an IP address");
  CHECK(with([](auto& o) { o.discoveryAddress = "istiod"; }).starts_with("--discovery-address: "));
  CHECK(with([](auto& o) { o.discoveryAddress = "istiod:0"; }).starts_with("--discovery-address: "));
  CHECK(with([](auto& o) { o.discoveryAddress = "unix:/x"; }).starts_with("--discovery-address: "));
  CHECK(with([](auto& o) { o.workDir = "relative"; }).starts_with("--work-dir: "));
  CHECK(with([](auto& o) { o.workDir = "/" + std::string(100, 'x'); }).starts_with("--work-dir: "));
  CHECK(with([](auto& o) { o.envoyAdminAddress = "0.0.0.0:15000"; }).find("loopback") != std::string::npos);
  CHECK(with([](auto& o) { o.envoyAdminAddress = ":15000"; }).find("loopback") != std::string::npos);
  CHECK(with([](auto& o) { o.envoyAdminAddress = "localhost:15000"; }).find("loopback") != std::string::npos);
  CHECK(with([](auto& o) { o.statusAddress = "15021"; }).starts_with("--status-address: "));
  CHECK(with([](auto& o) {
          o.prometheusAddress = ":15090";
          o.envoyAdminAddress = "127.0.0.1:0";
        }).starts_with("--prometheus-address: "));
  CHECK(with([](auto& o) { o.appAddress = "127.0.0.2"; }) == "--app-address: only with --interception none");
  CHECK(with([](auto& o) {
          o.interception = Interception::none;
          o.outboundAddress = "lo";
        }).starts_with("--outbound-address: "));
  CHECK(with([](auto& o) { o.logLevel = "loud"; }).starts_with("--envoy-log-level: "));
  CHECK(with([](auto& o) { o.agentAddress = "15020"; }).starts_with("--agent-address: "));
  CHECK(with([](auto& o) { o.componentLogLevel = "upstream"; }).starts_with("--envoy-component-log-level: "));
  CHECK(with([](auto& o) { o.componentLogLevel = "upstream:loud"; }).starts_with("--envoy-component-log-level: "));
  CHECK(with([](auto& o) { o.componentLogLevel = "a:debug,b c:debug"; }).find("\"b c:debug\"") != std::string::npos);
  CHECK(with([](auto& o) { o.statsdAddress = "statsd"; }).starts_with("--statsd-address: "));
  CHECK(with([](auto& o) {
          o.statsdAddress = "statsd:9125";
          o.statsdPrefix = "a:b|c";
        }).starts_with("--statsd-prefix: \"a:b|c\""));
  CHECK(with([](auto& o) { o.appProbes = "{"; }).starts_with("--app-probes (ISTIO_KUBE_APP_PROBERS): "));
  CHECK(with([](auto& o) { o.appMetrics = R"({"port":"15020"})"; }).find("the agent's own") != std::string::npos);
  CHECK(with([](auto& o) { o.annotationsFile = "/nonexistent/x"; }).starts_with("--annotations-file: "));
  CHECK(with([](auto& o) { o.labelsFile = "/nonexistent/labels"; }).starts_with("--labels-file: "));
}

TEST_CASE("labels and annotations come from files of the downward API") {
  TemporaryDirectory directory;
  write(directory.path("labels"), "app=\"file\"\ntier=\"web\"\n");
  write(directory.path("annotations"), "sidecar.istio.io/inject=\"true\"\nexample.com/x=\"y\"\n");
  auto options = valid();
  options.labels = {{"app", "flag"}};
  options.labelsFile = directory.path("labels");
  options.annotationsFile = directory.path("annotations");
  REQUIRE(complete(options));
  CHECK(options.labels == std::map<std::string, std::string>{{"app", "flag"}, {"tier", "web"}});
  CHECK(options.annotations == std::map<std::string, std::string>{{"sidecar.istio.io/inject", "true"}});
  write(directory.path("labels"), "app=file");
  CHECK(refusal(options) == "--labels-file: " + options.labelsFile + ": line 1: expected key=\"value\"");
}

TEST_CASE("a cluster without dual stack knows one address") {
  const auto with = [](std::map<std::string, std::string> environment) {
    AgentOptions options;
    REQUIRE(applyEnvironment(options, [&](const std::string& name) -> std::optional<std::string> {
      const auto found = environment.find(name);
      return found == environment.end() ? std::nullopt : std::optional(found->second);
    }));
    return options.ips;
  };
  CHECK(with({{"INSTANCE_IP", "10.0.0.1"}}) == std::vector<std::string>{"10.0.0.1"});
  CHECK(with({{"INSTANCE_IP", "10.0.0.1"}, {"INSTANCE_IPS", "10.0.0.1,fd00::1"}}).size() == 2);
}
