#include "api/http_faults_json.h"

#include <algorithm>
#include <array>

#include "api/base64.h"

namespace fairway::api {
namespace {

constexpr std::size_t kLargestBody = 1024 * 1024;  // bytes
// gRPC's status codes 0 - 16 by name.
constexpr std::array<std::string_view, 17> kGrpcStatuses{
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};

void readPercent(Fields& fields, Percent& out) {
  out.value = 0;
  const auto percentage = fields.get("percentage");
  const auto percent = fields.get("percent");
  if (percent) {
    percent->warn("old field, use percentage: {value: ...}");
    if (const auto number = percent->number(0, 100)) out.value = *number;
  }
  if (percentage) {
    if (const auto number = readPercentage(*percentage)) out.value = *number;
  }
  if (!percent && !percentage && fields.readable()) {
    fields.value().warn("percentage is not set and means 0: no request is affected");
  }
}

}  // namespace

std::optional<double> readPercentage(const Value& value) {
  Fields fields(value);
  if (!fields.readable()) return std::nullopt;
  const auto number = fields.get("value");
  return number ? number->number(0, 100) : std::optional<double>(0);
}

void readFault(const Value& value, HttpRoute::Fault& out) {
  Fields fields(value);
  if (const auto delay = fields.get("delay")) {
    Fields parts(*delay);
    readPercent(parts, out.delayPercent);
    if (const auto fixed = parts.get("fixedDelay")) {
      out.delay = fixed->positiveDuration();
    } else if (parts.readable()) {
      parts.missing("fixedDelay", "a duration such as \"5s\"");
    }
    parts.ignore("exponentialDelay", "only fixedDelay is supported");
  }
  if (const auto abort = fields.get("abort")) {
    Fields parts(*abort);
    readPercent(parts, out.abortPercent);
    parts.read("httpStatus", out.abortStatus, 200, 599);
    parts.read("grpcStatus", out.abortGrpcStatus);
    const auto grpc = parts.get("grpcStatus");
    if (grpc && !out.abortGrpcStatus.empty() &&
        std::find(kGrpcStatuses.begin(), kGrpcStatuses.end(), out.abortGrpcStatus) == kGrpcStatuses.end()) {
      grpc->expected("the name of a gRPC status such as UNAVAILABLE");
    }
    if (grpc && parts.has("httpStatus")) abort->error("httpStatus and grpcStatus are both given, expected one of them");
    parts.ignore("http2Error", "use httpStatus");
    if (parts.readable() && !grpc && !parts.has("httpStatus")) abort->error("expected httpStatus or grpcStatus");
  }
  if (fields.readable() && !fields.has("delay") && !fields.has("abort")) value.error("expected delay or abort");
}

void readDirectResponse(const Value& value, HttpRoute::DirectResponse& out) {
  Fields fields(value);
  std::optional<std::uint32_t> status;
  fields.read("status", status, 200, 599);
  if (status) out.status = *status;
  if (fields.readable() && !fields.has("status")) fields.missing("status", "an HTTP status from 200 to 599");
  const auto body = fields.get("body");
  if (!body) return;
  Fields forms(*body);
  forms.read("string", out.body);
  if (const auto bytes = forms.get("bytes")) {
    if (forms.has("string")) body->error("string and bytes are both given, expected one of them");
    const auto text = bytes->text();
    const auto decoded = text ? decodeBase64(*text) : std::nullopt;
    if (decoded) out.body = *decoded;
    if (text && !decoded) bytes->error("expected base64");
  }
  if (out.body.size() > kLargestBody) body->error("the body is larger than 1 MiB");
}

}  // namespace fairway::api
