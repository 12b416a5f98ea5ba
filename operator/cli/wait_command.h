#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "api/object.h"
#include "base/result.h"

namespace CLI {
class App;
}

namespace fairway::cli {

// `fairway wait`: until an object is live at every proxy that needs it.
void addWait(CLI::App& app, int& exitCode);

// "vs/portal", "virtualservice/portal", "VirtualServices/portal.onap": the kind by its name, plural or short name; the
// namespace is the one given, or if that is empty what follows the last dot, or "default". Failure: what was found and
// what is expected.
struct Named {
  api::Kind kind = api::Kind::virtual_service;
  api::NamespacedName name;
};
Result<Named> parseNamed(std::string_view text, std::string_view ns);

// What an object as the API server has it says about its own rollout.
struct Outcome {
  bool done = false;     // live everywhere
  bool refused = false;  // waiting is of no use: it cannot be read, or proxies refuse it
  std::string message;
};
// `generation`: the one to wait for at least; 0: the object's own.
Outcome outcomeOfStatus(const nlohmann::json& object, std::int64_t generation);

}  // namespace fairway::cli
