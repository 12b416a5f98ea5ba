#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/security.h"
#include "migrate/manifest.h"

// The parts of a conversion, in the order in which they run. Each adds to the output.
namespace fairway::migrate {

// The old policy objects of the migrated namespaces, and those of the mesh if it is migrated as a whole.
bool isMigrated(const Context& context, const api::Object& object);

// All objects, with the output's in place of the old ones, and without the ports' annotations on Services.
std::vector<api::ObjectPtr> objectsAfter(const std::vector<api::ObjectPtr>& before, const Context& context,
                                         const Output& output);

// Policy and MeshPolicy, peers: PeerAuthentication.
void convertPeers(const std::vector<api::ObjectPtr>& objects, const Context& context, Output& output);
// Policy and MeshPolicy, origins: RequestAuthentication, and an AuthorizationPolicy where a token is required.
void convertTokens(const Context& context, Output& output);
// RbacConfig, ClusterRbacConfig: AuthorizationPolicies that deny where nothing else allows.
void convertRbacMode(const Context& context, Output& output);
// ServiceRole and ServiceRoleBinding: AuthorizationPolicies that allow.
void convertRoles(const Context& context, Output& output);

// --- of roles ------------------------------------------------------------------------------------

// A subject of a binding as the principal side of a rule.
struct Who {
  Json source = Json::object();  // empty: anyone
  Json when = Json::array();
  bool httpOnly = false;  // on other ports it is nobody
};

// Nothing if the subject is nobody. `useOrigin`: principalBinding of the port is USE_ORIGIN.
std::optional<Who> convertSubject(const api::ServiceRoleBinding& binding, std::size_t index, bool useOrigin,
                                  Output& output);

// Whether security.istio.io policies decide about the workload already, so that the old ones have no say.
bool decidedByNewPolicies(const Context& context, const WorkloadClass& workload);

}  // namespace fairway::migrate
