#include "api/archive.h"

#include <chrono>

#include <catch2/catch.hpp>

#include "api/fields_of.h"
#include "api/footprint.h"

namespace fairway::api {
namespace {

// Gives each field, however deep, a value that no other has.
class Filler {
 public:
  void fill(bool& flag) { flag = true; }
  void fill(double& value) { value = ++count_ + 0.25; }
  void fill(std::string& text) { text = "text-" + std::to_string(++count_); }
  void fill(Duration& time) { time = Duration(++count_ * 1'000'000'007LL); }
  template <class T>
  void fill(std::vector<T>& list) {
    for (int i = 0; i < 2; ++i) fill(list.emplace_back());
  }
  template <class K, class V>
  void fill(std::map<K, V>& map) {
    for (int i = 0; i < 2; ++i) {
      K key{};
      fill(key);
      fill(map[key]);
    }
  }
  template <class T>
  void fill(std::optional<T>& item) {
    fill(item.emplace());
  }
  template <class T>
  void fill(T& item) {
    if constexpr (std::is_enum_v<T>) {
      item = static_cast<T>(1);
    } else if constexpr (std::is_arithmetic_v<T>) {
      item = static_cast<T>(std::is_signed_v<T> ? -++count_ : ++count_ * 1000);
    } else {
      std::apply([this](auto&... field) { (fill(field), ...); }, fieldsOf(item));
    }
  }

 private:
  int count_ = 0;
};

template <class T>
ObjectPtr filled() {
  auto object = std::make_shared<T>();
  Filler filler;
  filler.fill(object->meta);
  filler.fill(object->problems);
  filler.fill(object->spec);
  return object;
}

std::vector<ObjectPtr> everyKind() {
  return {filled<Namespace>(),
          filled<Node>(),
          filled<Pod>(),
          filled<Service>(),
          filled<EndpointSlice>(),
          filled<ConfigMap>(),
          filled<Ingress>(),
          filled<IngressClass>(),
          filled<Gateway>(),
          filled<VirtualService>(),
          filled<DestinationRule>(),
          filled<ServiceEntry>(),
          filled<EnvoyFilter>(),
          filled<ProxyConfig>(),
          filled<WasmPlugin>(),
          filled<Sidecar>(),
          filled<WorkloadEntry>(),
          filled<WorkloadGroup>(),
          filled<Policy>(),
          filled<MeshPolicy>(),
          filled<ServiceRole>(),
          filled<ServiceRoleBinding>(),
          filled<RbacConfig>(),
          filled<ClusterRbacConfig>(),
          filled<PeerAuthentication>(),
          filled<AuthorizationPolicy>(),
          filled<RequestAuthentication>(),
          filled<gateway_api::GatewayClass>(),
          filled<gateway_api::Gateway>(),
          filled<gateway_api::HttpRoute>(),
          filled<gateway_api::GrpcRoute>(),
          filled<gateway_api::TlsRoute>(),
          filled<gateway_api::TcpRoute>(),
          filled<gateway_api::ReferenceGrant>(),
          filled<gateway_api::BackendTlsPolicy>(),
          filled<RateLimit>(),
          filled<Telemetry>(),
          filled<KeySet>()};
}

}  // namespace

TEST_CASE("an archive gives back every field of every kind") {
  const auto objects = everyKind();
  CHECK(objects.size() + 1 == kKindCount);  // all but Secrets
  const auto read = unarchive(archive(objects));
  REQUIRE(read);
  REQUIRE(read->size() == objects.size());
  for (std::size_t i = 0; i < objects.size(); ++i) {
    CAPTURE(i);
    const Object &before = *objects[i], &after = *read->at(i);
    CHECK(before.sameContent(after));
    CHECK(after.meta.resourceVersion == before.meta.resourceVersion);
    CHECK(after.meta.generation == before.meta.generation);
    CHECK(after.problems == before.problems);
  }
  CHECK(archive(*read) == archive(objects));
}

TEST_CASE("the footprint of an object counts what it holds on the heap") {
  Service small;
  CHECK(footprint(small) >= sizeof(Service));
  Service big = small;
  big.meta.uid = std::string(1000, 'x');
  CHECK(footprint(big) >= footprint(small) + 1000);
  CHECK(footprint(big) <= footprint(small) + 1100);
  for (int i = 0; i < 10; ++i) big.meta.labels["key" + std::to_string(i)] = std::string(100, 'v');
  CHECK(footprint(big) >= footprint(small) + 2000 + 10 * sizeof(std::pair<std::string, std::string>));
  for (const auto& object : everyKind()) CHECK(footprint(*object) > sizeof(Object));
}

TEST_CASE("empty values are themselves in an archive, too") {
  const auto read = unarchive(archive({std::make_shared<Service>(), std::make_shared<DestinationRule>()}));
  REQUIRE(read);
  REQUIRE(read->size() == 2);
  CHECK(read->at(0)->sameContent(Service()));
  CHECK(read->at(1)->sameContent(DestinationRule()));
  CHECK(unarchive("")->empty());
}

TEST_CASE("Secrets are not archived") {
  auto secret = std::make_shared<Secret>();
  secret->spec.privateKey = "the key";
  CHECK_FALSE(archivable(Kind::secret));
  CHECK(archive({secret}).empty());
  // Nor read, should one have got in.
  CHECK(!unarchive(std::string(1, static_cast<char>(Kind::secret))));
}

TEST_CASE("an archive that is cut anywhere, or is none, is refused and never harmful") {
  const auto whole = archive({filled<VirtualService>()});
  for (std::size_t size = 1; size < whole.size(); ++size) {
    CAPTURE(size);
    CHECK(!unarchive(std::string_view(whole).substr(0, size)));
  }
  // Any byte changed: refused or read as something else, and that is all.
  for (std::size_t at = 0; at < whole.size(); ++at) {
    auto broken = whole;
    broken[at] = static_cast<char>(broken[at] ^ 0xff);
    (void)unarchive(broken);
  }
  CHECK(!unarchive(std::string(100, '\xff')));
}

}  // namespace fairway::api
