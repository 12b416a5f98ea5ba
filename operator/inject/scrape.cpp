#include "inject/scrape.h"

#include "api/decoder.h"
#include "base/strings.h"
#include "inject/names.h"

namespace fairway::inject {
namespace {

using Json = nlohmann::json;

constexpr const char* kPath = "/stats/prometheus";

// The port that Prometheus would scrape first: the first one that the app declares.
std::string firstPort(const Json& pod) {
  for (const auto& container : pod["spec"]["containers"]) {
    const auto* ports = member(container, "ports");
    if (textAt(container, "name") == kProxyContainer || ports == nullptr) continue;
    for (const auto& port : *ports) {
      const auto* number = member(port, "containerPort");
      if (number != nullptr && number->is_number_integer()) return number->dump();
    }
  }
  return "80";
}

std::string valueOf(const api::Labels& annotations, std::string_view key) {
  const auto found = annotations.find(std::string(key));
  return found == annotations.end() ? std::string{} : found->second;
}

}  // namespace

Scrape mergeScrape(Json& pod) {
  Scrape result;
  const auto annotations = annotationsOf(pod);
  const auto scrape = toLower(valueOf(annotations, kScrape));
  if (scrape == "false") return result;
  if (scrape == "true") {
    const auto path = valueOf(annotations, kScrapePath);
    const auto port = valueOf(annotations, kScrapePort);
    const auto number = toNumber(port).value_or(0);
    if (!port.empty() && (number < 1 || number > 65535)) {
      result.warning = "annotation " + std::string(kScrapePort) + ": found " + api::quote(port) +
                       ", expected a port from 1 to 65535; the app's metrics are not scraped";
    } else if (number != kAgentPort) {
      result.own = {{"scrape", "true"},
                    {"path", path.empty() ? "/metrics" : path},
                    {"port", port.empty() ? firstPort(pod) : port}};
    }
  }
  auto& target = pod["metadata"]["annotations"];
  target[std::string(kScrape)] = "true";
  target[std::string(kScrapePath)] = kPath;
  target[std::string(kScrapePort)] = std::to_string(kAgentPort);
  return result;
}

}  // namespace fairway::inject
