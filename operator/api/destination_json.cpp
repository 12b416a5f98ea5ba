#include "api/destination_json.h"

#include "api/validate.h"

namespace fairway::api {

void readDestination(const Value& value, Destination& out) {
  Fields fields(value);
  if (const auto host = fields.get("host")) {
    if (auto text = host->text()) {
      out.host = std::move(*text);
      // A wildcard is the host of a ServiceEntry: on to where the client wanted.
      if (!isHostPattern(out.host) || out.host == "*") {
        host->expected(
            "the name of a service, short or with its domain, or a ServiceEntry's host such as *.example.com");
      }
    }
  } else if (fields.readable()) {
    fields.missing("host", "the name of a service");
  }
  fields.read("subset", out.subset);
  if (!out.subset.empty() && !isDnsLabel(out.subset))
    fields.get("subset")->expected("the name of a DestinationRule's subset");
  const auto port = fields.get("port");
  if (!port) return;
  Fields portFields(*port);
  portFields.readPort("number", out.port);
  portFields.ignore("name", "a port is chosen by its number");
}

void readWeight(Fields& fields, std::int32_t& out) {
  const auto weight = fields.get("weight");
  if (!weight) return;
  if (const auto number = weight->integer(0, 1'000'000)) out = static_cast<std::int32_t>(*number);
}

void checkWeights(const Value& route, std::size_t destinations, std::int64_t sum) {
  if (destinations > 1 && sum == 0) {
    route.error("the weights of " + std::to_string(destinations) + " destinations are all 0, expected some above 0");
  }
}

void checkGatewayNames(const Value& names) {
  if (!names.json().is_array()) return;
  names.eachItem([](const Value& item, std::size_t) {
    if (!item.json().is_string()) return;
    const auto& text = item.json().get_ref<const std::string&>();
    const auto slash = text.find('/');
    const auto ns = slash == std::string::npos ? std::string(".") : text.substr(0, slash);
    const auto name = slash == std::string::npos ? text : text.substr(slash + 1);
    if ((ns != "." && !isDnsLabel(ns)) || !isDnsSubdomain(name)) {
      item.expected("\"mesh\", or the name of a Gateway as name or namespace/name");
    }
  });
}

}  // namespace fairway::api
