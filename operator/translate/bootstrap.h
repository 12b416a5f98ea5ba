#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "translate/envoy_api.h"

// What EnvoyFilters may say of a proxy's bootstrap, and how an agent puts it there.
namespace fairway::translate {

// Why the patch, a serialized Bootstrap, must not be applied: it would cut the proxy off from the control plane, or make it somebody
// else. Nothing if it may be; that Envoy takes it is another matter.
std::optional<JsonProblem> bootstrapProblem(const std::string& patch);

// How the patch in the resource of this name is merged (see BootstrapPatches); nothing if it is no such name.
std::optional<Lists> listsOfBootstrapPatch(std::string_view resource);

// The bootstrap, JSON, with patches merged in their order; JSON again. Failure: one of them is no Bootstrap.
struct BootstrapPatch {
  Lists lists = Lists::append;
  std::string bytes;  // a serialized Bootstrap
};
Result<std::string> patchBootstrap(const std::string& bootstrap, const std::vector<BootstrapPatch>& patches);

}  // namespace fairway::translate
