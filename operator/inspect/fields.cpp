#include "inspect/fields.h"

#include <algorithm>

#include "base/address.h"
#include "base/strings.h"

namespace fairway::inspect {

using nlohmann::json;

namespace {

const json kNull;
const json kNone = json::array();

}  // namespace

const json& valueAt(const json& value, Path path) {
  const json* at = &value;
  for (const auto key : path) {
    if (!at->is_object()) return kNull;
    const auto found = at->find(std::string(key));
    if (found == at->end()) return kNull;
    at = &*found;
  }
  return *at;
}

std::string textAt(const json& value, Path path) {
  const auto& found = valueAt(value, path);
  return found.is_string() ? found.get<std::string>() : std::string();
}

std::uint64_t numberAt(const json& value, Path path) {
  const auto& found = valueAt(value, path);
  if (found.is_number_integer())
    return static_cast<std::uint64_t>(std::max<std::int64_t>(found.get<std::int64_t>(), 0));
  return found.is_string() ? toNumber(found.get_ref<const std::string&>()).value_or(0) : 0;
}

const json& itemsAt(const json& value, Path path) {
  const auto& found = valueAt(value, path);
  return found.is_array() ? found : kNone;
}

std::string addressText(const json& address) {
  if (const auto& socket = valueAt(address, {"socket_address"}); socket.is_object()) {
    Address text;
    text.host = textAt(socket, {"address"});
    text.port = static_cast<std::uint16_t>(numberAt(socket, {"port_value"}));
    return text.toString();
  }
  if (const auto path = textAt(address, {"pipe", "path"}); !path.empty()) return "unix:" + path;
  const auto& internal = valueAt(address, {"envoy_internal_address"});
  if (!internal.is_object()) return {};
  const auto id = textAt(internal, {"endpoint_id"});
  return "envoy://" + textAt(internal, {"server_listener_name"}) + "/" + id;
}

std::string Origin::toString() const { return ns.empty() ? name : name + "." + ns; }

Origin originOf(const json& resource) {
  const auto& metadata = valueAt(resource, {"metadata", "filter_metadata"});
  // "VirtualService/onap/msb http[0]"; routes that users gave no name have it there.
  auto ours = textAt(metadata, {"fairway", "provenance"});
  if (ours.empty()) ours = textAt(resource, {"name"});
  const auto parts = split(ours.substr(0, ours.find(' ')), '/');
  if (!ours.empty() && ours.front() >= 'A' && ours.front() <= 'Z') {
    if (parts.size() == 3) return {parts[0], parts[1], parts[2]};
    if (parts.size() == 2) return {parts[0], {}, parts[1]};
  }
  // "/apis/networking.istio.io/v1/namespaces/default/virtual-service/reviews"
  const auto istios = split(textAt(metadata, {"istio", "config"}), '/');
  if (istios.size() != 8) return {};
  const auto kind = istios[6] == "virtual-service"    ? std::string("VirtualService")
                    : istios[6] == "destination-rule" ? std::string("DestinationRule")
                                                      : istios[6];
  return {kind, istios[5], istios[7]};
}

}  // namespace fairway::inspect
