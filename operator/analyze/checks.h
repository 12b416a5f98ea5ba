#pragma once

#include <span>
#include <string_view>

#include "analyze/reporter.h"
#include "analyze/world.h"

// The checks, one function each. They look at the world and report; none depends on another, but for checkNotes(), which
// leaves out what the ones before it have said.
namespace fairway::analyze {

struct Analyzer {
  std::string_view name;     // "gateway.ports"
  std::string_view summary;  // what it looks at
  void (*run)(const World& world, Reporter& report);
};

// In the order in which they run.
std::span<const Analyzer> analyzers();

void checkSchema(const World& world, Reporter& report);   // FW0201 to FW0203, FW0205 to FW0207, FW0225, FW0251, FW0253
void checkRegexes(const World& world, Reporter& report);  // FW0226
void checkAnnotations(const World& world, Reporter& report);         // FW0280 to FW0284
void checkDestinations(const World& world, Reporter& report);        // FW0210, FW0211, FW0217, FW0220, FW0228
void checkWeights(const World& world, Reporter& report);             // FW0227
void checkRules(const World& world, Reporter& report);               // FW0223, FW0224
void checkMeshHosts(const World& world, Reporter& report);           // FW0221, FW0232
void checkDelegates(const World& world, Reporter& report);           // FW0229, FW0233
void checkGatewayReferences(const World& world, Reporter& report);   // FW0212, FW0222, FW0230, FW0231
void checkGatewayWorkloads(const World& world, Reporter& report);    // FW0213, FW0262
void checkGatewayCredentials(const World& world, Reporter& report);  // FW0214, FW0263, FW0264
void checkGatewayConflicts(const World& world, Reporter& report);    // FW0260, FW0261
void checkIngresses(const World& world, Reporter& report);           // FW0219
void checkDestinationRules(const World& world, Reporter& report);    // FW0240, FW0241, FW0245
void checkDestinationTls(const World& world, Reporter& report);      // FW0242 to FW0244, FW0246
void checkServiceEntries(const World& world, Reporter& report);      // FW0250, FW0252
void checkServices(const World& world, Reporter& report);            // FW0272 to FW0274, FW0276
void checkInjection(const World& world, Reporter& report);           // FW0270, FW0271, FW0277 to FW0279
void checkSelectors(const World& world, Reporter& report);           // FW0290, FW0296
void checkPolicyReferences(const World& world, Reporter& report);    // FW0215, FW0216, FW0218
void checkPolicyRules(const World& world, Reporter& report);         // FW0291 to FW0295
void checkTokens(const World& world, Reporter& report);              // FW0275
void checkSidecars(const World& world, Reporter& report);            // FW0234, FW0297, FW0298
void checkEnvoyFilters(const World& world, Reporter& report);        // FW0254
void checkTelemetries(const World& world, Reporter& report);         // FW0255, FW0256, FW0218, FW0290
void checkGatewayApi(const World& world, Reporter& report);          // FW0235 to FW0237; FW0214, FW0264
void checkNotes(const World& world, Reporter& report);               // FW0204

}  // namespace fairway::analyze
