#include "console/log_page.h"

#include <nlohmann/json.hpp>

#include "base/log.h"
#include "console/log.h"

namespace fairway::console {

namespace {

Response levels() {
  auto list = nlohmann::json::array();
  for (const auto& one : logLevels()) list.push_back({{"scope", one.scope}, {"level", one.level}});
  return Response::json(list.dump(2) + "\n");
}

}  // namespace

Response logPage(const Request& request) {
  if (request.method == "GET" || request.method == "HEAD") return levels();
  const auto wanted = request.query.find("level");
  if (request.query.contains("reset")) {
    resetLogLevels();
    log().info("log levels are as at the start again, by {}", request.peer);
  } else if (wanted == request.query.end()) {
    return Response::text(400,
                          "say which level: /debug/logs?level=debug, ?level=discovery:debug,kube:warn or ?reset\n");
  } else {
    if (const auto set = setLogLevels(wanted->second); !set) return Response::text(400, set.error().message + "\n");
    log().info("log levels: {}, by {}", wanted->second, request.peer);
  }
  return levels();
}

}  // namespace fairway::console
