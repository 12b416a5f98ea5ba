#include "normalize/authorization.h"
#include "normalize/checks.h"
#include "normalize/clients.h"
#include "normalize/credentials.h"
#include "normalize/delegates.h"
#include "normalize/endpoints.h"
#include "normalize/envoy_filters.h"
#include "normalize/gateway_api_listeners.h"
#include "normalize/gateway_api_status.h"
#include "normalize/gateway_routes.h"
#include "normalize/gateways.h"
#include "normalize/hosts.h"
#include "normalize/mesh_settings.h"
#include "normalize/peer_authentication.h"
#include "normalize/queries.h"
#include "normalize/rate_limits.h"
#include "normalize/rbac_v1alpha1.h"
#include "normalize/request_authentication.h"
#include "normalize/routes.h"
#include "normalize/service_entries.h"
#include "normalize/services.h"
#include "normalize/sidecars.h"
#include "normalize/telemetry.h"
#include "normalize/telemetry_providers.h"
#include "normalize/traffic_policy.h"
#include "normalize/workload_entries.h"
#include "store/view.h"

namespace fairway::normalize {

void registerQueries(store::Catalogue& catalogue) {
  catalogue.add(meshSettingsOf);
  catalogue.add(namespaceTraits);
  catalogue.add(hostTraits);
  catalogue.add(clientOf);
  catalogue.add(sidecarFor);
  catalogue.add(sidecar);
  catalogue.add(egressHosts);
  catalogue.add(reachedHosts);
  catalogue.add(meshRouteHosts);
  catalogue.add(allHosts);
  catalogue.add(serviceOf);
  catalogue.add(workloadOf);
  catalogue.add(workloadServices);
  catalogue.add(inboundPortsOf);
  catalogue.add(namedPortsOf);
  catalogue.add(endpointsOf);
  catalogue.add(identitiesOf);
  catalogue.add(hostDestinationRules);
  catalogue.add(trafficPolicyOf);
  catalogue.add(hostVirtualServices);
  catalogue.add(routesOf);
  catalogue.add(kubernetesGateway);
  catalogue.add(gatewayApiWanted);
  catalogue.add(gatewayApiStatusOf);
  catalogue.add(gatewayDeploymentOf);
  catalogue.add(gatewayBackends);
  catalogue.add(gatewayOf);
  catalogue.add(gatewayRoutes);
  catalogue.add(peerAuthenticationOf);
  catalogue.add(requestAuthenticationOf);
  catalogue.add(rateLimitsOf);
  catalogue.add(serviceRateLimits);
  catalogue.add(telemetryProviders);
  catalogue.add(telemetryFor);
  catalogue.add(telemetryOf);
  catalogue.add(rbacSwitch);
  catalogue.add(bindingCheck);
  catalogue.add(authorizationOf);
  catalogue.add(secretExists);
  catalogue.add(credentialOf);
  catalogue.add(referenceChecks);
  catalogue.add(gatewayReferenceCheck);
  catalogue.add(serviceEntryCheck);
  catalogue.add(envoyFiltersIn);
  catalogue.add(envoyFiltersFor);
  catalogue.add(envoyFilterOf);
  catalogue.add(allEnvoyFilters);
  catalogue.add(delegateCheck);
  catalogue.add(delegatingRoots);
  catalogue.add(delegatingGatewayRoots);
  catalogue.add(machineOf);
  catalogue.add(machinePortsOf);
  catalogue.add(workloadEntryCheck);
}

}  // namespace fairway::normalize
