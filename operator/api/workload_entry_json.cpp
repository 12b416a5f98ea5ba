#include "api/workload_entry_json.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "api/validate.h"

namespace fairway::api {
namespace {

constexpr const char* kHealthChecks = "proxy.istio.io/health-checks-enabled";  // annotation
constexpr std::size_t kMaxProbe = 8 << 10;

// Everything but the address.
void readTraits(Fields& fields, WorkloadEntrySpec& out) {
  if (const auto ports = fields.get("ports")) {
    ports->eachEntry([&](const Value& item, const std::string& name) {
      if (const auto number = item.port()) out.ports[name] = *number;
    });
  }
  if (const auto labels = fields.get("labels")) {
    out.labels = labels->textMap();
    checkLabels(*labels, out.labels);
  }
  fields.read("locality", out.locality);
  fields.read("serviceAccount", out.serviceAccount);
  if (!out.serviceAccount.empty() && !isDnsSubdomain(out.serviceAccount)) {
    fields.get("serviceAccount")->expected("the name of a service account of this namespace");
  }
  if (const auto weight = fields.get("weight")) {
    // Envoy: the sum of all weights must fit into 32 bits.
    if (const auto number = weight->integer(0, 1'000'000))
      out.weight = static_cast<std::uint32_t>(std::max<std::int64_t>(1, *number));
  }
  fields.ignore("network", "endpoints of other networks are not supported: the address is used as it is");
}

void readProbeTarget(Fields& probe) {
  static constexpr std::array<std::string_view, 4> kMethods{"httpGet", "tcpSocket", "exec", "grpc"};
  int methods = 0;
  for (const auto name : kMethods) {
    const auto method = probe.get(name);
    if (!method) continue;
    ++methods;
    Fields parts(*method);
    if (name == "exec") {
      if (!parts.readable()) continue;
      const auto command = parts.get("command");
      if (!command || command->texts().empty()) parts.missing("command", "a command with its arguments");
      continue;
    }
    std::uint32_t port = 0;
    parts.readPort("port", port);
    if (name != "grpc" && parts.readable() && !parts.has("port")) parts.missing("port", "the port that is probed");
    std::string text;
    for (const auto* field : {"path", "host", "service"}) parts.read(field, text);
    if (const auto scheme = parts.get("scheme")) {
      const auto given = scheme->text();
      if (given && !given->empty() && *given != "HTTP" && *given != "HTTPS") scheme->expected("HTTP or HTTPS");
    }
    if (const auto headers = parts.get("httpHeaders")) {
      headers->eachItem([](const Value& item, std::size_t) {
        Fields header(item);
        std::string part;
        header.read("value", part);
        header.read("name", part);
        if (header.readable() && !isHeaderName(part)) item.error("expected name with the name of a header, and value");
      });
    }
  }
  if (probe.readable() && methods != 1) {
    probe.value().error("found " + std::to_string(methods) +
                        " ways to probe, expected one of httpGet, tcpSocket, exec, grpc");
  }
}

void checkProbe(const Value& value) {
  Fields fields(value);
  for (const auto* name :
       {"initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"}) {
    if (const auto number = fields.get(name)) static_cast<void>(number->integer(0, 0x7FFFFFFF));
  }
  readProbeTarget(fields);
}

}  // namespace

void readWorkload(const Value& value, bool names, WorkloadEntrySpec& out) {
  Fields fields(value);
  fields.read("address", out.address);
  const auto address = fields.get("address");
  if (!address) {
    if (fields.readable()) fields.missing("address", "an IP address, or a host with resolution DNS");
  } else if (out.address.starts_with("unix://")) {
    address->error("Unix sockets are not supported, expected an IP address or a host");
  } else if (names ? !isHost(out.address) : !isIp(out.address)) {
    address->expected(names ? "a DNS name or an IP address" : "an IP address; a name needs resolution DNS");
  }
  readTraits(fields, out);
}

void readSpec(const Value& spec, const ObjectMeta& meta, WorkloadEntrySpec& out) {
  readWorkload(spec, true, out);
  for (const auto& [name, value] : meta.labels) out.labels[name] = value;
}

void readSpec(const Value& spec, const ObjectMeta&, WorkloadGroupSpec& out) {
  Fields fields(spec);
  if (const auto metadata = fields.get("metadata")) {
    Fields parts(*metadata);
    if (const auto labels = parts.get("labels")) {
      out.labels = labels->textMap();
      checkLabels(*labels, out.labels);
    }
    parts.read("annotations", out.annotations);
  }
  if (const auto workload = fields.get("template")) {
    Fields parts(*workload);
    parts.ignore("address", "each WorkloadEntry has its own");
    if (parts.has("labels")) parts.get("labels")->warn("expected them in metadata.labels");
    readTraits(parts, out.workload);
  } else if (fields.readable()) {
    fields.missing("template", "what the WorkloadEntries have in common");
  }
  if (const auto probe = fields.get("probe"); probe && probe->json().is_object()) {
    checkProbe(*probe);
    out.probe = probe->json().dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    if (out.probe.size() > kMaxProbe) {
      probe->error("found " + std::to_string(out.probe.size()) + " bytes, expected at most " +
                   std::to_string(kMaxProbe));
    }
  } else if (probe) {
    checkProbe(*probe);
  }
}

bool isHealthy(const nlohmann::json& status, const ObjectMeta& meta) {
  const auto checked = meta.annotations.find(kHealthChecks);
  if (checked == meta.annotations.end() || checked->second != "true") return true;
  const auto conditions = status.is_object() ? status.find("conditions") : status.end();
  if (!status.is_object() || conditions == status.end() || !conditions->is_array()) return false;
  return std::any_of(conditions->begin(), conditions->end(), [](const nlohmann::json& each) {
    if (!each.is_object()) return false;
    const auto type = each.find("type"), holds = each.find("status");
    return type != each.end() && *type == "Healthy" && holds != each.end() && *holds == "True";
  });
}

}  // namespace fairway::api
