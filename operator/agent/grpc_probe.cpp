#include <future>

#include <google/protobuf/wrappers.pb.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel_posix.h>
#include <grpcpp/generic/generic_stub.h>

#include "agent/connect.h"
#include "agent/probes.h"
#include "base/address.h"

namespace fairway::agent {
namespace {

constexpr const char* kMethod = "/grpc.health.v1.Health/Check";
constexpr int kServing = 1;  // grpc.health.v1.HealthCheckResponse.ServingStatus

grpc::ByteBuffer bytes(const std::string& text) {
  const grpc::Slice slice(text);
  return {&slice, 1};
}

// HealthCheckRequest and HealthCheckResponse have one field, number 1: a string and an enum. So have these.
grpc::ByteBuffer request(const std::string& service) {
  google::protobuf::StringValue message;
  message.set_value(service);
  return bytes(message.SerializeAsString());
}

Result<int> statusOf(const grpc::ByteBuffer& response) {
  grpc::Slice slice;
  google::protobuf::Int32Value message;
  if (!response.DumpToSingleSlice(&slice).ok() ||
      !message.ParseFromArray(slice.begin(), static_cast<int>(slice.size()))) {
    return failure("the answer is no HealthCheckResponse");
  }
  return message.value();
}

}  // namespace

Result<void> checkGrpcHealth(const AppProbe& probe, const std::string& ip, const std::string& source,
                             const std::string& userAgent) {
  const auto target = Address{ip, probe.port, {}}.toString();
  const auto failed = [&](const std::string& why) { return failure("gRPC health of " + target + ": " + why); };
  const auto deadline = std::chrono::system_clock::now() + probe.timeout;
  auto connected = connectTcp(ip, probe.port, source, probe.timeout);
  if (!connected) return failed(connected.error().message);
  grpc::ChannelArguments arguments;
  arguments.SetUserAgentPrefix(userAgent);
  grpc::GenericStub stub(grpc::CreateCustomInsecureChannelFromFd(target, connected->release(), arguments));
  grpc::ClientContext context;
  context.set_deadline(deadline);
  const auto asked = request(probe.service);
  grpc::ByteBuffer response;
  std::promise<grpc::Status> done;
  stub.UnaryCall(&context, kMethod, {}, &asked, &response, [&](grpc::Status status) { done.set_value(status); });
  const auto status = done.get_future().get();
  if (status.error_code() == grpc::StatusCode::UNIMPLEMENTED) {
    return failed("the server does not implement grpc.health.v1.Health");
  }
  if (!status.ok()) return failed(status.error_message());
  const auto health = statusOf(response);
  if (!health) return failed(health.error().message);
  if (*health != kServing) return failed("status " + std::to_string(*health) + ", expected 1 (SERVING)");
  return {};
}

}  // namespace fairway::agent
