#include "normalize/external_authorizer.h"

#include <algorithm>

#include "api/mesh_config.h"
#include "normalize/conditions.h"
#include "normalize/objects.h"
#include "normalize/queries.h"

namespace fairway::normalize {

namespace {

using From = api::ExtensionProvider::ExtAuthz;

// Istio's default.
constexpr model::Duration kTimeout = std::chrono::minutes(10);
constexpr std::uint32_t kForbidden = 403;

const api::ExtensionProvider* find(store::View& view, const std::string& name) {
  const auto* object = view.get<api::ConfigMap>(view.mesh().rootNamespace, view.mesh().configMap);
  if (object == nullptr || !object->spec.mesh) return nullptr;
  const auto& providers = object->spec.mesh->extensionProviders;
  const auto found =
      std::find_if(providers.begin(), providers.end(), [&](const auto& provider) { return provider.name == name; });
  return found == providers.end() ? nullptr : &*found;
}

std::vector<model::StringMatcher> headerNames(const std::vector<std::string>& patterns) {
  std::vector<model::StringMatcher> matchers;
  for (const auto& pattern : patterns) {
    auto matcher = patternMatcher(pattern);
    matcher.ignoreCase = matcher.type != model::StringMatcher::Type::present;
    matchers.push_back(std::move(matcher));
  }
  return matchers;
}

}  // namespace

std::optional<model::ExternalAuthorizer> externalAuthorizer(store::View& view, const api::AuthorizationPolicy& policy,
                                                            bool http) {
  const auto& name = policy.spec.provider;
  const auto problem = [&](const std::string& message) {
    error(view, provenanceOf(policy), "spec.provider.name", message);
    return std::nullopt;
  };
  const auto* provider = find(view, name);
  if (provider == nullptr) return problem("\"" + name + "\" is not among the mesh's extensionProviders");
  if (!provider->extAuthz) {
    return problem("the provider \"" + name + "\" decides on no requests, expected envoyExtAuthzHttp or Grpc in it");
  }
  const From& from = *provider->extAuthz;
  if (!http && !from.grpc) {
    return problem("the provider \"" + name + "\" decides on HTTP requests only, and this port is not HTTP");
  }
  model::ExternalAuthorizer to;
  to.name = name;
  to.grpc = from.grpc;
  to.host = from.service.substr(from.service.find('/') == std::string::npos ? 0 : from.service.find('/') + 1);
  to.port = from.port;
  const auto& service = view.ask(ServiceOf{to.host});
  if (!service || service->port(to.port) == nullptr) {
    return problem("the provider \"" + name + "\" is at " + to.host + ":" + std::to_string(to.port) +
                   ", which is no port of a service of the mesh");
  }
  to.timeout = from.timeout.value_or(kTimeout);
  to.failOpen = from.failOpen;
  to.clearRouteCache = from.clearRouteCache;
  to.statusOnError = from.statusOnError == 0 ? kForbidden : from.statusOnError;
  to.pathPrefix = from.pathPrefix;
  to.headersInCheck = headerNames(from.headers.inCheck);
  to.headersToUpstream = headerNames(from.headers.upstreamOnAllow);
  to.headersToClientOnAllow = headerNames(from.headers.downstreamOnAllow);
  to.headersToClientOnDeny = headerNames(from.headers.downstreamOnDeny);
  to.additionalHeaders = from.headers.additional;
  to.maxBodyBytes = from.maxBodyBytes;
  to.partialBody = from.partialBody;
  to.rawBody = from.rawBody;
  return to;
}

}  // namespace fairway::normalize
