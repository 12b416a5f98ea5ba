#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "resources.h"

namespace fairway::golden {

// One folder with an in.yaml: manifests, and one document `proxy: {...}`:
//   type: sidecar | gateway, namespace, pod, serviceAccount, labels, ips, interception: REDIRECT | NONE,
//   bootstrap, outboundAddress, appAddress, unprivileged: as in translate::Proxy
//   show: the resources to write, as "LDS" (all of a type) or "LDS virtualInbound"; without it all
struct Case {
  translate::Proxy proxy;
  std::vector<std::string> show;
  std::vector<api::ObjectPtr> objects;
};

// Throws std::runtime_error with the file and the reason if the case itself is wrong.
Case readCase(const std::filesystem::path& file);

// What the proxy gets, and what the authors of objects are told.
translate::test::Resources run(const Case& golden);

// out.yaml: problems of the objects and notes, then the shown resources by type and name, each with its provenance.
std::string describe(const Case& golden, const translate::test::Resources& resources);

}  // namespace fairway::golden
