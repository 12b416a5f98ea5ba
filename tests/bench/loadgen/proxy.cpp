#include "proxy.h"

#include <sys/epoll.h>

#include <ctime>
#include <fstream>
#include <functional>

namespace loadgen {
namespace {

constexpr std::string_view kService = "/envoy.service.discovery.v3.AggregatedDiscoveryService/";

std::int64_t monotonic() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

template <class Values>
void fit(Values& values, Number name) {
  if (values.size() <= name) values.resize(name + 1);
}

bool byName(Type type) { return type == Type::endpoint || type == Type::route; }

// Type, length, bytes: what the null server plays back.
void writeRecord(const std::string& file, Type type, std::string_view message) {
  std::ofstream out(file, std::ios::binary | std::ios::app);
  out << typeUrl(type) << '\n' << message.size() << '\n' << message;
}

}  // namespace

Proxy::Proxy(Registry& registry, const NodeSpec& node, std::uint32_t source, bool sample, const Options& options)
    : registry_(registry), node_(encodeNode(node)), source_(source), sample_(sample), options_(options) {}

bool Proxy::connect(std::uint16_t port) {
  stream_ = std::make_unique<GrpcStream>();
  polled = 0;
  bytes = responses = 0;
  nodeSent_ = false;
  ++streams;
  for (auto& held : held_) {
    held.begun = held.answered = false;
    held.version.clear();
    held.nonce.clear();
  }
  const auto method =
      std::string(kService) + (options_.sotw ? "StreamAggregatedResources" : "DeltaAggregatedResources");
  if (!stream_->open(source_, port, method)) {
    why_ = stream_->why();
    return false;
  }
  begin(Type::cluster);
  begin(Type::listener);
  for (const auto type : {Type::endpoint, Type::route}) {
    for (Number name = 1; name < of(type).asked.size(); ++name) {
      if (!of(type).asked[name]) continue;
      begin(type);
      break;
    }
  }
  if (tables_ > 0 && !options_.sotw) begin(Type::virtualHost);
  return true;
}

bool Proxy::ready(std::uint32_t events, const Seen& seen) {
  bool good = true;
  if ((events & EPOLLOUT) != 0) good = stream_->onWritable();
  if (good && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
    good = stream_->onReadable([&](std::string_view message) { onMessage(message, seen); });
  }
  if (!good) why_ = stream_->why();
  return good;
}

bool Proxy::complete() const {
  if (!stream_ || !of(Type::cluster).answered || !of(Type::listener).answered) return false;
  for (const auto& held : held_) {
    if ((held.begun && !held.answered) || held.missing > 0) return false;
  }
  return tables_ == 0 || options_.sotw || of(Type::virtualHost).count > 0;
}

std::uint64_t Proxy::digest(Type type) const {
  // A sum: names are numbered in the order of their coming, which differs from run to run.
  std::uint64_t sum = 0;
  const auto& held = of(type);
  for (Number name = 1; name < held.versions.size(); ++name) {
    const auto version = held.versions[name];
    if (version == kNone || version == kAbsent) continue;
    sum += std::hash<std::string>{}(registry_.names(type).text(name) + '\n' + registry_.versions().text(version));
  }
  return sum;
}

std::string Proxy::takeNode() {
  if (nodeSent_) return {};
  nodeSent_ = true;
  return node_;
}

// The first request of a type on a stream: everything asked for, and the versions of what is held.
void Proxy::begin(Type type) {
  auto& held = of(type);
  if (options_.sotw) {
    sendSubscription(type, {}, {});
    return;
  }
  held.begun = true;
  DeltaRequest request;
  request.type = type;
  auto& names = registry_.names(type);
  for (Number name = 1; name < held.asked.size(); ++name) {
    if (held.asked[name]) request.subscribe.push_back(names.text(name));
  }
  for (Number name = 1; name < held.versions.size(); ++name) {
    const auto version = held.versions[name];
    if (version == kNone || version == kAbsent) continue;
    if (byName(type) && (held.asked.size() <= name || !held.asked[name])) continue;
    request.initialVersions.emplace_back(names.text(name), registry_.versions().text(version));
  }
  stream_->send(encode(request, takeNode()));
}

void Proxy::sendSubscription(Type type, const std::vector<Number>& add, const std::vector<Number>& remove) {
  auto& held = of(type);
  auto& names = registry_.names(type);
  if (options_.sotw) {
    held.begun = true;
    SotwRequest request{.type = type, .names = {}, .version = held.version, .nonce = held.nonce};
    for (Number name = 1; name < held.asked.size(); ++name) {
      if (held.asked[name]) request.names.push_back(names.text(name));
    }
    stream_->send(encode(request, takeNode()));
    return;
  }
  if (!held.begun) {
    begin(type);
    return;
  }
  DeltaRequest request;
  request.type = type;
  for (const auto name : add) request.subscribe.push_back(names.text(name));
  for (const auto name : remove) request.unsubscribe.push_back(names.text(name));
  stream_->send(encode(request, takeNode()));
}

void Proxy::onMessage(std::string_view message, const Seen& seen) {
  lastResponse = monotonic();
  bytes += message.size() + 5;  // with gRPC's prefix
  ++responses;
  Response response;
  Type type{};
  if (!(options_.sotw ? decodeSotw(message, response) : decodeDelta(message, response)) ||
      !typeFromUrl(response.url, type)) {
    registry_.fault("a response that cannot be decoded, or of an unknown type: " + std::string(response.url));
    return;
  }
  if (!options_.record.empty() && streams == 1) writeRecord(options_.record, type, message);
  seen(type, message);
  of(type).answered = true;
  apply(type, response);
  // As Envoy: what new resources refer to is asked for before they are acknowledged.
  follow(Type::endpoint);
  follow(Type::route);
  if (tables_ > 0 && !options_.sotw && !of(Type::virtualHost).begun) begin(Type::virtualHost);
  acknowledge(type, response);
}

void Proxy::apply(Type type, const Response& response) {
  auto& names = registry_.names(type);
  for (const auto& resource : response.resources) {
    const auto name = names.of(resource.name);
    if (resource.body.empty()) {
      set(type, name, kAbsent);
      continue;
    }
    // Without a version of its own a resource's content is its version.
    const auto version = registry_.versions().of(
        options_.sotw ? std::to_string(std::hash<std::string_view>{}(resource.body)) : std::string(resource.version));
    if (!options_.sotw && resource.version.empty()) registry_.fault(std::string(resource.name) + " has no version");
    registry_.know(type, name, version, resource, sample_);
    set(type, name, version);
  }
  for (const auto& removed : response.removed) set(type, names.of(removed), kNone);
  if (options_.sotw && !byName(type)) applySotwRemovals(type, response);
}

// A state of the world holds all clusters or listeners: what it lacks is gone.
void Proxy::applySotwRemovals(Type type, const Response& response) {
  std::vector<bool> named;
  for (const auto& resource : response.resources) {
    const auto name = registry_.names(type).of(resource.name);
    fit(named, name);
    named[name] = true;
  }
  for (Number name = 1; name < of(type).versions.size(); ++name) {
    if (of(type).versions[name] != kNone && (named.size() <= name || !named[name])) set(type, name, kNone);
  }
}

void Proxy::set(Type type, Number name, Number version) {
  auto& held = of(type);
  fit(held.versions, name);
  fit(held.asked, name);
  const auto before = held.versions[name];
  if (before == version) return;
  held.versions[name] = version;
  const auto real = [](Number value) { return value != kNone && value != kAbsent; };
  held.count = held.count + (real(version) ? 1 : 0) - (real(before) ? 1 : 0);
  if (held.asked[name]) held.missing = held.missing + (version == kNone ? 1 : 0) - (before == kNone ? 1 : 0);
  if (real(version)) refer(type, name, version, 1);
  if (real(before)) refer(type, name, before, -1);
}

void Proxy::refer(Type type, Number name, Number version, int by) {
  const auto* known = registry_.find(type, name, version);
  const auto to = [&](Type target, Number other) {
    auto& held = of(target);
    fit(held.referred, other);
    held.referred[other] = static_cast<std::uint16_t>(held.referred[other] + by);
    held.touched.push_back(other);
  };
  if (known->endpoints != kNone) to(Type::endpoint, known->endpoints);
  for (const auto route : known->routes) to(Type::route, route);
  if (known->virtualHosts) tables_ += by;
}

// Subscribes to names that are now referred to, and from others no more.
void Proxy::follow(Type type) {
  auto& held = of(type);
  if (held.touched.empty()) return;
  std::vector<Number> add, remove;
  for (const auto name : held.touched) {
    fit(held.asked, name);
    fit(held.versions, name);
    const bool wanted = held.referred[name] > 0;
    if (wanted == held.asked[name]) continue;
    held.asked[name] = wanted;
    (wanted ? add : remove).push_back(name);
    if (wanted) {
      if (held.versions[name] == kNone) ++held.missing;
    } else {
      if (held.versions[name] == kNone) --held.missing;
      set(type, name, kNone);
    }
  }
  held.touched.clear();
  if (!add.empty() || !remove.empty()) sendSubscription(type, add, remove);
}

void Proxy::acknowledge(Type type, const Response& response) {
  auto& held = of(type);
  if (options_.sotw) {
    held.version = response.version;
    held.nonce = response.nonce;
    sendSubscription(type, {}, {});
    return;
  }
  DeltaRequest request;
  request.type = type;
  request.nonce = response.nonce;
  stream_->send(encode(request, {}));
}

}  // namespace loadgen
