#include "agent/sds_session.h"

#include <catch2/catch.hpp>

#include "envoy/extensions/transport_sockets/tls/v3/secret.pb.h"
#include "envoy/service/discovery/v3/discovery.pb.h"

using namespace fairway::agent;
namespace discovery = envoy::service::discovery::v3;
using Secret = envoy::extensions::transport_sockets::tls::v3::Secret;

namespace {

SecretSnapshotPtr snapshot(const std::string& certificate, const std::string& roots) {
  return makeSnapshot({certificate, "key of " + certificate, roots, {}});
}

// What a response holds: chains and roots by name.
std::map<std::string, std::string> contents(
    const google::protobuf::RepeatedPtrField<google::protobuf::Any>& resources) {
  std::map<std::string, std::string> result;
  for (const auto& any : resources) {
    Secret secret;
    REQUIRE(any.UnpackTo(&secret));
    result[secret.name()] = secret.has_tls_certificate()
                                ? secret.tls_certificate().certificate_chain().inline_bytes() + "/" +
                                      secret.tls_certificate().private_key().inline_bytes()
                                : secret.validation_context().trusted_ca().inline_bytes();
  }
  return result;
}

struct World {
  std::unique_ptr<SdsSession> session = SdsSession::stateOfTheWorld();
  discovery::DiscoveryResponse last;
  std::optional<SdsSession::Report> report;

  bool ask(const std::vector<std::string>& names, const std::string& nonce = "", const std::string& error = "") {
    discovery::DiscoveryRequest request;
    for (const auto& name : names) request.add_resource_names(name);
    request.set_response_nonce(nonce);
    if (!error.empty()) request.mutable_error_detail()->set_message(error);
    report.reset();
    return session->receive(request.SerializeAsString(), report);
  }
  bool answered(const SecretSnapshotPtr& secrets) {
    const auto response = session->next(secrets);
    return response && last.ParseFromString(*response);
  }
};

struct Delta {
  std::unique_ptr<SdsSession> session = SdsSession::delta();
  discovery::DeltaDiscoveryResponse last;
  std::optional<SdsSession::Report> report;

  bool ask(const discovery::DeltaDiscoveryRequest& request) {
    report.reset();
    return session->receive(request.SerializeAsString(), report);
  }
  bool subscribe(const std::string& name, const std::string& version = "") {
    discovery::DeltaDiscoveryRequest request;
    request.add_resource_names_subscribe(name);
    if (!version.empty()) (*request.mutable_initial_resource_versions())[name] = version;
    return ask(request);
  }
  bool answered(const SecretSnapshotPtr& secrets) {
    const auto response = session->next(secrets);
    return response && last.ParseFromString(*response);
  }
};

}  // namespace

TEST_CASE("state of the world: a secret is sent once, and again when it changes") {
  World world;
  CHECK_FALSE(world.answered(snapshot("c1", "r1")));
  REQUIRE(world.ask({"default"}));
  CHECK_FALSE(world.answered(nullptr));
  REQUIRE(world.answered(snapshot("c1", "r1")));
  CHECK(contents(world.last.resources()) == std::map<std::string, std::string>{{"default", "c1/key of c1"}});
  const auto version = world.last.version_info();
  REQUIRE(world.ask({"default"}, world.last.nonce()));
  CHECK(world.report->accepted);
  CHECK_FALSE(world.answered(snapshot("c1", "r1")));
  CHECK_FALSE(world.answered(snapshot("c1", "r2")));  // not asked for
  REQUIRE(world.answered(snapshot("c2", "r2")));
  CHECK(world.last.version_info() != version);
  REQUIRE(world.answered(snapshot("c1", "r2")));
  CHECK(world.last.version_info() == version);
}

TEST_CASE("state of the world: a refused secret is not sent again, and told of") {
  World world;
  REQUIRE(world.ask({"ROOTCA"}));
  REQUIRE(world.answered(snapshot("c1", "r1")));
  REQUIRE(world.ask({"ROOTCA"}, world.last.nonce(), "bad roots"));
  REQUIRE(world.report);
  CHECK_FALSE(world.report->accepted);
  CHECK(world.report->error == "bad roots");
  CHECK_FALSE(world.answered(snapshot("c1", "r1")));
  CHECK(world.answered(snapshot("c1", "r2")));
}

TEST_CASE("state of the world: an answer to a replaced response changes nothing") {
  World world;
  REQUIRE(world.ask({"default"}));
  REQUIRE(world.answered(snapshot("c1", "r1")));
  const auto stale = world.last.nonce();
  REQUIRE(world.answered(snapshot("c2", "r1")));
  REQUIRE(world.ask({"default", "ROOTCA"}, stale));
  CHECK_FALSE(world.report);
  CHECK_FALSE(world.answered(snapshot("c2", "r1")));
  REQUIRE(world.ask({"default", "ROOTCA"}, world.last.nonce()));
  REQUIRE(world.answered(snapshot("c2", "r1")));
  CHECK(contents(world.last.resources()).size() == 2);
}

TEST_CASE("delta: secrets as they are asked for, changed and dropped") {
  Delta delta;
  REQUIRE(delta.subscribe("default"));
  REQUIRE(delta.subscribe("ROOTCA"));
  REQUIRE(delta.answered(snapshot("c1", "r1")));
  CHECK(delta.last.resources_size() == 2);
  CHECK_FALSE(delta.answered(snapshot("c1", "r1")));
  REQUIRE(delta.answered(snapshot("c2", "r1")));
  REQUIRE(delta.last.resources_size() == 1);
  CHECK(delta.last.resources(0).name() == "default");
  discovery::DeltaDiscoveryRequest drop;
  drop.add_resource_names_unsubscribe("default");
  drop.set_response_nonce(delta.last.nonce());
  REQUIRE(delta.ask(drop));
  CHECK(delta.report->accepted);
  CHECK_FALSE(delta.answered(snapshot("c3", "r1")));
  CHECK(delta.answered(snapshot("c3", "r2")));
}

TEST_CASE("delta: a reconnecting client gets only what differs, but an answer in any case") {
  Delta first;
  REQUIRE(first.subscribe("default"));
  REQUIRE(first.answered(snapshot("c1", "r1")));
  const auto version = first.last.resources(0).version();
  Delta same;
  REQUIRE(same.subscribe("default", version));
  REQUIRE(same.answered(snapshot("c1", "r1")));
  CHECK(same.last.resources_size() == 0);
  Delta changed;
  REQUIRE(changed.subscribe("default", version));
  REQUIRE(changed.answered(snapshot("c2", "r1")));
  CHECK(changed.last.resources_size() == 1);
  // Subscribing again asks for it again.
  REQUIRE(changed.subscribe("default"));
  REQUIRE(changed.answered(snapshot("c2", "r1")));
  CHECK(changed.last.resources_size() == 1);
}

TEST_CASE("delta: a name that does not exist is answered as removed, once") {
  Delta delta;
  REQUIRE(delta.subscribe("other"));
  REQUIRE(delta.answered(snapshot("c1", "r1")));
  REQUIRE(delta.last.removed_resources_size() == 1);
  CHECK(delta.last.removed_resources(0) == "other");
  CHECK_FALSE(delta.answered(snapshot("c2", "r1")));
}

TEST_CASE("requests that end the stream") {
  for (auto* make : {&SdsSession::stateOfTheWorld, &SdsSession::delta}) {
    const auto session = make();
    std::optional<SdsSession::Report> report;
    CHECK_FALSE(session->receive("\xff\xff garbage", report));
  }
  World world;
  CHECK_FALSE(world.ask(std::vector<std::string>(33, "x")));
  Delta delta;
  discovery::DeltaDiscoveryRequest many;
  for (int i = 0; i < 33; ++i) many.add_resource_names_subscribe("name" + std::to_string(i));
  CHECK_FALSE(delta.ask(many));
  discovery::DeltaDiscoveryRequest other;
  other.set_type_url("type.googleapis.com/envoy.config.cluster.v3.Cluster");
  CHECK_FALSE(delta.ask(other));
}

TEST_CASE("the version of a secret says nothing about its key") {
  const auto a = makeSnapshot({"chain", "key a", "roots", {}}), b = makeSnapshot({"chain", "key b", "roots", {}});
  CHECK(a->entries.at("default").version == b->entries.at("default").version);
}
