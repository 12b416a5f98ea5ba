#include "api/extension_provider_json.h"

#include <set>

#include "api/telemetry_provider_json.h"
#include "api/validate.h"
#include "base/strings.h"

namespace fairway::api {
namespace {

using ExtAuthz = ExtensionProvider::ExtAuthz;

// Envoy's own limit of a body that it keeps for a check.
constexpr std::int64_t kMaxBody = 0xFFFFFFFF;

void readService(Fields& fields, ExtAuthz& out) {
  if (const auto service = fields.get("service")) {
    fields.read("service", out.service);
    const auto slash = out.service.find('/');
    const auto host = slash == std::string::npos ? out.service : out.service.substr(slash + 1);
    if (service->json().is_string() && !isHost(host)) {
      service->expected("a host of the mesh such as authorizer.ns.svc.cluster.local, or namespace/host");
    }
  } else if (fields.readable()) {
    fields.missing("service", "a host of the mesh such as authorizer.ns.svc.cluster.local");
  }
  if (fields.has("port")) {
    fields.readPort("port", out.port);
  } else if (fields.readable()) {
    fields.missing("port", "a port of the service");
  }
}

void readStatus(Fields& fields, ExtAuthz& out) {
  const auto value = fields.get("statusOnError");
  if (!value) return;
  const auto text = value->text();
  if (!text) return;
  const auto number = toNumber(*text);
  if (!number || *number < 400 || *number > 599) return value->expected("an HTTP status from 400 to 599, in quotes");
  out.statusOnError = static_cast<std::uint32_t>(*number);
}

void readBody(Fields& fields, ExtAuthz& out) {
  const auto value = fields.get("includeRequestBodyInCheck");
  if (!value) return;
  Fields parts(*value);
  if (const auto size = parts.get("maxRequestBytes")) {
    if (const auto bytes = size->integer(1, kMaxBody)) out.maxBodyBytes = static_cast<std::uint32_t>(*bytes);
  } else if (parts.readable()) {
    parts.missing("maxRequestBytes", "how many bytes of the body are sent");
  }
  parts.read("allowPartialMessage", out.partialBody);
  parts.read("packAsBytes", out.rawBody);
}

// What HTTP and gRPC services have in common.
void readCommon(Fields& fields, ExtAuthz& out) {
  readService(fields, out);
  if (const auto timeout = fields.get("timeout")) out.timeout = timeout->positiveDuration();
  fields.read("failOpen", out.failOpen);
  fields.read("clearRouteCache", out.clearRouteCache);
  readStatus(fields, out);
  readBody(fields, out);
}

void readHttp(const Value& value, ExtAuthz& out) {
  Fields fields(value);
  readCommon(fields, out);
  if (const auto prefix = fields.get("pathPrefix")) {
    fields.read("pathPrefix", out.pathPrefix);
    if (!out.pathPrefix.empty() && !out.pathPrefix.starts_with('/')) prefix->expected("a path that starts with /");
  }
  auto& headers = out.headers;
  if (fields.has("includeHeadersInCheck")) {
    fields.get("includeHeadersInCheck")->warn("old field, use includeRequestHeadersInCheck");
    fields.read("includeHeadersInCheck", headers.inCheck);
  }
  fields.read("includeRequestHeadersInCheck", headers.inCheck);
  fields.read("includeAdditionalHeadersInCheck", headers.additional);
  fields.read("headersToUpstreamOnAllow", headers.upstreamOnAllow);
  fields.read("headersToDownstreamOnAllow", headers.downstreamOnAllow);
  fields.read("headersToDownstreamOnDeny", headers.downstreamOnDeny);
}

void readGrpc(const Value& value, ExtAuthz& out) {
  Fields fields(value);
  out.grpc = true;
  readCommon(fields, out);
}

}  // namespace

void readExtensionProviders(const Value& list, std::vector<ExtensionProvider>& out) {
  std::set<std::string> names;
  list.eachItem([&](const Value& item, std::size_t) {
    ExtensionProvider provider;
    Fields fields(item);
    fields.read("name", provider.name);
    if (fields.readable() && provider.name.empty()) fields.missing("name", "the name by which policies use it");
    if (!provider.name.empty() && !names.insert(provider.name).second) {
      fields.get("name")->error("the name " + quote(provider.name) + " is used above, expected each name once");
    }
    if (const auto http = fields.get("envoyExtAuthzHttp")) readHttp(*http, provider.extAuthz.emplace());
    if (const auto grpc = fields.get("envoyExtAuthzGrpc")) {
      if (provider.extAuthz) grpc->error("envoyExtAuthzHttp is given as well, expected one kind of provider");
      readGrpc(*grpc, provider.extAuthz.emplace());
    }
    const int telemetry = readTelemetryProvider(fields, provider.telemetry);
    if (telemetry > 0 && provider.extAuthz) item.error("it has several kinds, expected one kind of provider");
    if (!provider.extAuthz && telemetry == 0) {
      bool other = false;
      for (const auto* name : {"lightstep", "datadog", "stackdriver", "opencensus", "skywalking", "sds"}) {
        other = other || fields.has(name);
        fields.ignore(name, "providers of this kind are not supported");
      }
      if (!other && fields.readable()) item.warn("it says no kind of provider: it is of no use");
    }
    out.push_back(std::move(provider));
  });
}

}  // namespace fairway::api
