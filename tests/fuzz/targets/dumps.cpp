// Dumps of Envoy and of the control plane, as `fairway proxy-config` and `proxy-status` read them.
#include <nlohmann/json.hpp>

#include "fuzz/target.h"
#include "inspect/clusters.h"
#include "inspect/difference.h"
#include "inspect/dump.h"
#include "inspect/endpoints.h"
#include "inspect/listeners.h"
#include "inspect/routes.h"
#include "inspect/secrets.h"

namespace {

using namespace fairway;
using namespace fairway::inspect;

void run(std::string_view text) {
  const auto dump = parseDump(text);
  if (!dump) return;
  const Filter all;
  (void)clustersTable(*dump, all);
  (void)endpointsTable(*dump, all);
  (void)listenersTable(*dump, all);
  (void)routesTable(*dump, all);
  (void)secretsTable(*dump, all, std::chrono::system_clock::now());
  for (const auto type :
       {Type::cluster, Type::endpoint, Type::listener, Type::route, Type::virtual_host, Type::secret}) {
    (void)notesOf(*dump, type);
  }
}

const fuzz::Registration kTarget{{"dump", {"tests/unit/inspect/dumps/*.json"}, run, nullptr}};

}  // namespace
