#include "inject/probes.h"

#include "support.h"

using namespace fairway::inject;
using namespace fairway::inject::test;

namespace {

Json specWith(const std::string& containerFields) {
  Json result = yaml("containers: [{name: web, ports: [{name: http, containerPort: 8080}]}]");
  result["containers"][0].update(yaml(containerFields));
  return result;
}

}  // namespace

TEST_CASE("probes of each kind go to the agent, which gets the original ones with numbers for ports") {
  auto spec = specWith(R"(
livenessProbe: {httpGet: {path: /live, port: http, scheme: HTTPS, httpHeaders: [{name: A, value: b}]}, periodSeconds: 7}
readinessProbe: {tcpSocket: {port: 5432}, timeoutSeconds: 3}
startupProbe: {grpc: {port: 9000, service: s}, failureThreshold: 30}
)");
  const auto probes = rewriteProbes(spec);
  CHECK(probes.warnings.empty());
  CHECK(probes.originals == yaml(R"(
/app-health/web/livez:
  httpGet: {path: /live, port: 8080, scheme: HTTPS, httpHeaders: [{name: A, value: b}]}
  timeoutSeconds: 1
/app-health/web/readyz: {tcpSocket: {port: 5432}, timeoutSeconds: 3}
/app-health/web/startupz: {grpc: {port: 9000, service: s}, timeoutSeconds: 1}
)"));
  const auto& web = spec["containers"][0];
  CHECK(web["livenessProbe"] == yaml("{httpGet: {path: /app-health/web/livez, port: 15020}, periodSeconds: 7}"));
  CHECK(web["readinessProbe"] == yaml("{httpGet: {path: /app-health/web/readyz, port: 15020}, timeoutSeconds: 3}"));
  CHECK(web["startupProbe"] == yaml("{httpGet: {path: /app-health/web/startupz, port: 15020}, failureThreshold: 30}"));
}

TEST_CASE("HTTP lifecycle hooks go to the agent, others stay") {
  auto spec = specWith(
      "lifecycle: {postStart: {httpGet: {path: /up, port: '8081'}}, preStop: {exec: {command: [sleep, '1']}}}");
  const auto probes = rewriteProbes(spec);
  CHECK(probes.originals ==
        yaml("/app-lifecycle/web/poststart: {httpGet: {path: /up, port: 8081}, timeoutSeconds: 1}"));
  CHECK(spec["containers"][0]["lifecycle"] == yaml(R"(
postStart: {httpGet: {path: /app-lifecycle/web/poststart, port: 15020}}
preStop: {exec: {command: [sleep, '1']}}
)"));
}

TEST_CASE("probes that need no rewriting stay as they are") {
  for (const char* fields : {
           "livenessProbe: {exec: {command: [cat, /x]}}",
           "livenessProbe: {httpGet: {path: /healthz/ready, port: 15021}}",
           "livenessProbe: {httpGet: {path: /app-health/web/livez, port: 15020}}",
           "livenessProbe: {httpGet: {host: other.example, path: /, port: 80}}",
           "livenessProbe: {tcpSocket: {host: 10.0.0.1, port: 80}}",
           "{}",
       }) {
    INFO(fields);
    auto spec = specWith(fields);
    const auto before = spec;
    const auto probes = rewriteProbes(spec);
    CHECK(probes.originals.empty());
    CHECK(probes.warnings.empty());
    CHECK(spec == before);
  }
}

TEST_CASE("a probe of a port that does not exist stays, with a warning") {
  auto spec = specWith("readinessProbe: {httpGet: {port: htpp}}");
  const auto before = spec;
  const auto probes = rewriteProbes(spec);
  CHECK(spec == before);
  REQUIRE(probes.warnings.size() == 1);
  CHECK(mentions(probes.warnings[0], {"web.readinessProbe", "\"htpp\"", "name of one of the container's ports"}));
}

TEST_CASE("the proxy's own probes stay, those of sidecars among the init containers are rewritten") {
  auto spec = yaml(R"(
initContainers:
- {name: istio-proxy, startupProbe: {httpGet: {path: /x, port: 80}}}
- {name: log, restartPolicy: Always, startupProbe: {httpGet: {path: /x, port: 80}}}
containers: [{name: web}]
)");
  const auto probes = rewriteProbes(spec);
  CHECK(probes.originals.size() == 1);
  CHECK(probes.originals.contains("/app-health/log/startupz"));
  CHECK(spec["initContainers"][0]["startupProbe"]["httpGet"]["port"] == 80);
}
