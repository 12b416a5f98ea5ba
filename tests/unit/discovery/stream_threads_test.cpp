#include <catch2/catch.hpp>

#include <atomic>
#include <random>
#include <thread>

#include <google/protobuf/any.pb.h>

#include "discovery/core.h"
#include "discovery/stream.h"
#include "envoy/service/discovery/v3/discovery.pb.h"
#include "unit/discovery/memory_call.h"
#include "unit/discovery/model_envoy.h"
#include "unit/discovery/server_support.h"
#include "unit/discovery/support.h"

// Streams, the engine and listings on their own threads, without gRPC's library between them: for the thread sanitizer
// above all, which runs these tests and those that need no thread.
namespace fairway::discovery {
namespace {

using test::Contents;

std::string encoded(const Request& request, bool first, const std::string& pod) {
  auto message = first ? test::Client::first(translate::Type::cluster, {}, pod) : test::DeltaRequest();
  message.set_type_url(request.typeUrl);
  for (const auto& name : request.subscribe) message.add_resource_names_subscribe(name);
  for (const auto& name : request.unsubscribe) message.add_resource_names_unsubscribe(name);
  for (const auto& [name, version] : request.initialVersions) {
    (*message.mutable_initial_resource_versions())[std::string(name)] = std::string(version);
  }
  message.set_response_nonce(request.nonce);
  if (request.error) message.mutable_error_detail()->set_message(*request.error);
  return message.SerializeAsString();
}

// Nothing: this is no response.
std::optional<Response> decoded(const std::string& text) {
  test::DeltaResponse message;
  if (!message.ParseFromString(text)) return std::nullopt;
  Response response;
  response.typeUrl = message.type_url();
  response.nonce = message.nonce();
  for (const auto& each : message.resources()) {
    if (!each.has_resource()) {
      response.absent.push_back(each.name());
      continue;
    }
    auto resource = std::make_shared<translate::Resource>();
    resource->type = *typeOfUrl(message.type_url());
    resource->name = each.name();
    resource->version = each.version();
    resource->body = each.resource().value();
    response.added.push_back(std::move(resource));
  }
  response.removed.assign(message.removed_resources().begin(), message.removed_resources().end());
  return response;
}

// An Envoy that comes back as a new one whenever its stream has ended, until it is told to stay away.
class Proxy {
 public:
  Proxy(Core& core, std::string pod) : core_(core), pod_(std::move(pod)) { connect(); }

  void connect() {
    call_.reset();
    const std::lock_guard lock(mutex_);
    envoy_ = {};
    envoy_.connect();
    stream_ = open();
    auto requests = takeRequests(true);
    call_ = std::make_unique<test::MemoryCall>([this](auto& context) { return stream_->attach(context); },
                                               std::move(requests),
                                               [this](const std::string& text) { return respond(text); });
  }
  [[nodiscard]] bool ended() const { return call_->ended(); }
  void halfClose() { call_->halfClose(); }
  [[nodiscard]] const std::shared_ptr<Stream>& stream() const { return stream_; }
  [[nodiscard]] Contents inUse() const {
    const std::lock_guard lock(mutex_);
    return envoy_.inUse();
  }

 private:
  std::shared_ptr<Stream> open() {
    std::string reason;
    auto stream = core_.open("memory:" + pod_, false, Variant::delta, reason);
    REQUIRE(stream);
    return stream;
  }
  std::deque<std::string> takeRequests(bool first) {
    std::deque<std::string> texts;
    for (const auto& request : std::exchange(envoy_.toServer, {})) {
      texts.push_back(encoded(request, std::exchange(first, false), pod_));
    }
    return texts;
  }
  std::pair<std::deque<std::string>, bool> respond(const std::string& text) {
    const std::lock_guard lock(mutex_);
    auto response = decoded(text);
    // Nothing is in use then, which the test sees; on this thread it must not be told.
    if (!response) return {{}, true};
    envoy_.toClient.push_back(std::move(*response));
    while (!envoy_.toClient.empty()) envoy_.process();
    return {takeRequests(false), false};
  }

  Core& core_;
  const std::string pod_;
  mutable std::mutex mutex_;
  test::ModelEnvoy envoy_;
  std::shared_ptr<Stream> stream_;
  std::unique_ptr<test::MemoryCall> call_;
};

// One listener with one route configuration, and clusters that come and go with their endpoints and virtual hosts.
class Mesh {
 public:
  explicit Mesh(unsigned seed) : random_(seed) {
    contents_[{Type::listener, "l0"}] = "r0;0";
    contents_[{Type::route, "r0"}] = ";0";
  }

  engine::SnapshotPtr next() {
    for (int i = 0; i < 3; ++i) {
      const auto name = "c" + std::to_string(random_() % 8);
      const auto version = ";" + std::to_string(random_() % 100);
      const std::pair cluster{Type::cluster, name}, endpoints{Type::endpoint, name};
      const std::pair host{Type::virtual_host, "r0/" + name};
      if (contents_.contains(cluster) && random_() % 3 == 0) {
        for (const auto& key : {cluster, endpoints, host}) contents_.erase(key);
      } else {
        contents_[endpoints] = version;
        contents_[host] = name + version;
        if (random_() % 2 == 0 || !contents_.contains(cluster)) contents_[cluster] = version;
      }
    }
    Contents bodies;
    for (const auto& [key, content] : contents_) {
      google::protobuf::Any body;
      body.set_type_url(std::string(translate::typeUrl(key.first)));
      body.set_value(content);
      bodies[key] = body.SerializeAsString();
    }
    return last_ = test::snapshot(bodies, last_);
  }
  [[nodiscard]] const Contents& contents() const { return contents_; }

 private:
  std::mt19937 random_;
  Contents contents_;
  engine::SnapshotPtr last_;
};

TEST_CASE("streams follow the engine while others look at them, from many threads", "[threads]") {
  test::FakeSource source;
  ServerOptions options;
  options.limits.sweep = std::chrono::milliseconds(1);
  std::atomic<std::uint64_t> reports{0};
  options.onReport = [&](const std::string&, const Report&) { ++reports; };
  Core core(options, source);
  core.startSweep();

  Mesh mesh(1);
  std::vector<std::unique_ptr<Proxy>> proxies;
  for (int i = 0; i < 6; ++i) proxies.push_back(std::make_unique<Proxy>(core, "pod-" + std::to_string(i)));

  std::atomic<bool> over{false};
  std::size_t looked = 0;
  std::thread listing([&] {
    while (!over) {
      for (const auto& stream : core.all()) {
        looked += stream->describe(true).types.size() + (stream->progress() ? 1 : 0);
        if (const auto view = stream->view(); view.resources) looked += view.resources().size();
      }
    }
  });
  for (int round = 0; round < 200; ++round) {
    source.publish(mesh.next());
    auto& proxy = *proxies[static_cast<std::size_t>(round) % proxies.size()];
    if (round % 40 == 11) proxy.halfClose();
    if (round % 40 == 23) proxy.stream()->end({grpc::UNAVAILABLE, "ended by the test"});
    if (round % 40 == 31) proxy.stream()->retire(std::chrono::steady_clock::now(), "retired by the test");
    for (auto& each : proxies) {
      if (each->ended()) each->connect();
    }
  }
  source.publish(mesh.next());
  for (auto& each : proxies) {
    INFO(each->stream()->peer());
    CHECK(test::eventually([&] {
      if (each->ended()) each->connect();
      return each->inUse() == mesh.contents();
    }));
  }
  over = true;
  listing.join();
  CHECK(looked > 0);
  CHECK(reports > 0);
  CHECK(core.counters.streamsOpened > proxies.size());
  CHECK(core.counters.badRequests == 0);

  for (auto& each : proxies) each->stream()->end({grpc::UNAVAILABLE, "the test is over"});
  core.waitForNone(std::chrono::seconds(60));
  CHECK(core.all().empty());
  proxies.clear();
  core.stopSweep();
  CHECK(source.proxies().empty());
}

}  // namespace
}  // namespace fairway::discovery
