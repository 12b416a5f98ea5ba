#include "normalize/ingress.h"

#include <algorithm>

#include "normalize/objects.h"
#include "normalize/queries.h"

namespace fairway::normalize {

namespace {

constexpr const char* kClassAnnotation = "kubernetes.io/ingress.class";
constexpr const char* kController = "istio.io/ingress-controller";
constexpr const char* kGatewayLabel = "istio";
constexpr std::uint32_t kHttpPort = 80;
constexpr std::uint32_t kHttpsPort = 443;

bool isServed(store::View& view, const api::Ingress& ingress, const model::MeshSettings& settings) {
  using Mode = model::MeshSettings::Ingress;
  const auto annotation = ingress.meta.annotations.find(kClassAnnotation);
  if (annotation != ingress.meta.annotations.end()) return annotation->second == settings.ingressClass;
  const auto& name = ingress.spec.className;
  if (!name.empty()) {
    if (const auto* found = view.get<api::IngressClass>("", name)) return found->spec.controller == kController;
    warning(view, provenanceOf(ingress), "spec.ingressClassName",
            "there is no IngressClass \"" + name +
                "\"; create it, with spec.controller istio.io/ingress-controller if this mesh is to serve it");
  }
  return settings.ingress == Mode::by_default;
}

model::GatewayServer plainServer(const api::Ingress& ingress) {
  model::GatewayServer server;
  server.name = "http-80-ingress-" + ingress.meta.name + "-" + ingress.meta.ns;
  server.port = kHttpPort;
  server.protocol = model::Protocol::http;
  server.hosts.push_back({"*", "*"});
  server.provenance = provenanceOf(ingress);
  return server;
}

}  // namespace

std::vector<const api::Ingress*> servedIngresses(store::View& view, const model::Labels& labels) {
  const auto& settings = view.ask(MeshSettingsOf{});
  const auto label = labels.find(kGatewayLabel);
  if (settings.ingress == model::MeshSettings::Ingress::off || label == labels.end() ||
      label->second != settings.ingressSelector) {
    return {};
  }
  auto ingresses = view.listAll<api::Ingress>();
  std::erase_if(ingresses, [&](const api::Ingress* ingress) { return !isServed(view, *ingress, settings); });
  sortOldestFirst(ingresses);
  return ingresses;
}

std::vector<model::GatewayServer> serversOf(store::View& view, const api::Ingress& ingress) {
  std::vector<model::GatewayServer> servers{plainServer(ingress)};
  const Errors errors(ingress);
  for (std::size_t i = 0; i < ingress.spec.tls.size(); ++i) {
    const auto& tls = ingress.spec.tls[i];
    const auto rule = "tls[" + std::to_string(i) + "]";
    const auto provenance = provenanceOf(ingress, rule);
    if (errors.atItem("spec.tls", i) || tls.secretName.empty()) {
      error(
          view, provenance, "spec." + rule + ".secretName",
          "the entry has errors, or names no secret: its hosts are not served over TLS; expected the name of a secret "
          "in the namespace of the gateway's pods");
      continue;
    }
    model::GatewayServer server;
    server.name = "https-443-ingress-" + ingress.meta.name + "-" + ingress.meta.ns + "-" + std::to_string(i);
    server.port = kHttpsPort;
    server.protocol = model::Protocol::https;
    for (const auto& host : tls.hosts) server.hosts.push_back({"*", host});
    if (server.hosts.empty()) server.hosts.push_back({"*", "*"});
    std::sort(server.hosts.begin(), server.hosts.end());
    server.hosts.erase(std::unique(server.hosts.begin(), server.hosts.end()), server.hosts.end());
    server.tls.emplace();
    server.tls->mode = model::GatewayTls::Mode::simple;
    server.tls->credentialName = tls.secretName;
    server.tls->credentialField = "secretName";
    server.provenance = provenance;
    servers.push_back(std::move(server));
  }
  return servers;
}

}  // namespace fairway::normalize
