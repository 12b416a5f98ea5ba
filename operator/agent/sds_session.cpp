#include "agent/sds_session.h"

#include <google/protobuf/unknown_field_set.h>

#include "agent/bootstrap.h"
#include "base/hash.h"
#include "envoy/extensions/transport_sockets/tls/v3/secret.pb.h"
#include "envoy/service/discovery/v3/discovery.pb.h"

namespace fairway::agent {
namespace {

namespace tls = envoy::extensions::transport_sockets::tls::v3;
namespace discovery = envoy::service::discovery::v3;

constexpr auto kSecretType = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";
constexpr auto kSpiffeValidatorType =
    "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig";
constexpr int kMaxNames = 32;

SecretSnapshot::Entry entryOf(const tls::Secret& secret, const std::string& content) {
  google::protobuf::Any any;
  any.set_type_url(kSecretType);
  secret.SerializeToString(any.mutable_value());
  return {contentHash(content), any.SerializeAsString()};
}

bool accepts(const std::string& typeUrl) { return typeUrl.empty() || typeUrl == kSecretType; }

// envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig: `repeated TrustDomain trust_domains = 1`, each with
// `string name = 1` and `DataSource trust_bundle = 2`.
std::string spiffeValidator(const std::map<std::string, std::string>& domains) {
  google::protobuf::UnknownFieldSet config;
  for (const auto& [name, roots] : domains) {
    envoy::config::core::v3::DataSource bundle;
    bundle.set_inline_bytes(roots);
    google::protobuf::UnknownFieldSet domain;
    domain.AddLengthDelimited(1, name);
    domain.AddLengthDelimited(2, bundle.SerializeAsString());
    std::string bytes;
    domain.SerializeToString(&bytes);
    config.AddLengthDelimited(1, bytes);
  }
  std::string bytes;
  config.SerializeToString(&bytes);
  return bytes;
}

void setPeerTrust(tls::CertificateValidationContext& out, const Secrets& secrets) {
  const auto& trust = secrets.trust;
  if (trust.isolates()) {
    // Each certificate is checked with the roots of the domain that it names.
    auto& validator = *out.mutable_custom_validator_config();
    validator.set_name("envoy.tls.cert_validator.spiffe");
    validator.mutable_typed_config()->set_type_url(kSpiffeValidatorType);
    validator.mutable_typed_config()->set_value(spiffeValidator(trust.domains));
    return;
  }
  out.mutable_trusted_ca()->set_inline_bytes(trust.domains.empty() ? secrets.roots : trust.domains.begin()->second);
  if (trust.crl.empty()) return;
  out.mutable_crl()->set_inline_bytes(trust.crl);
  out.set_only_verify_leaf_cert_crl(trust.crlLeafOnly);
}

template <class Request>
void readReport(const Request& request, std::optional<SdsSession::Report>& report) {
  if (request.response_nonce().empty()) return;
  report = SdsSession::Report{!request.has_error_detail(), request.error_detail().message()};
}

class StateOfTheWorld final : public SdsSession {
 public:
  bool receive(const std::string& bytes, std::optional<Report>& report) override {
    discovery::DiscoveryRequest request;
    if (!request.ParseFromString(bytes) || !accepts(request.type_url())) return false;
    if (request.resource_names_size() > kMaxNames) return false;
    if (!request.response_nonce().empty()) {
      if (request.response_nonce() != nonceText()) return true;  // about a response that a later one has replaced
      readReport(request, report);
    }
    std::set<std::string> names(request.resource_names().begin(), request.resource_names().end());
    if (names != names_ || request.response_nonce().empty()) {
      names_ = std::move(names);
      answered_ = false;
    }
    return true;
  }

  std::optional<std::string> next(const SecretSnapshotPtr& snapshot) override {
    if (!snapshot || names_.empty()) return std::nullopt;
    std::string versions;
    discovery::DiscoveryResponse response;
    for (const auto& name : names_) {
      const auto entry = snapshot->entries.find(name);
      if (entry == snapshot->entries.end()) continue;
      versions += entry->second.version;
      response.add_resources()->ParseFromString(entry->second.any);
    }
    if (answered_ && versions == sent_) return std::nullopt;
    answered_ = true;
    sent_ = versions;
    ++nonce_;
    response.set_version_info(contentHash(versions));
    response.set_type_url(kSecretType);
    response.set_nonce(nonceText());
    return response.SerializeAsString();
  }

 private:
  [[nodiscard]] std::string nonceText() const { return std::to_string(nonce_); }

  std::set<std::string> names_;
  bool answered_ = false;
  std::string sent_;  // versions in the last response
  std::uint64_t nonce_ = 0;
};

class Delta final : public SdsSession {
 public:
  bool receive(const std::string& bytes, std::optional<Report>& report) override {
    discovery::DeltaDiscoveryRequest request;
    if (!request.ParseFromString(bytes) || !accepts(request.type_url())) return false;
    readReport(request, report);
    const bool first = !started_;
    started_ = true;
    for (const auto& name : request.resource_names_unsubscribe()) held_.erase(name);
    for (const auto& name : request.resource_names_subscribe()) {
      held_[name] = std::nullopt;  // subscribing again asks for it again
      // A reconnecting client says what it has.
      const auto version = request.initial_resource_versions().find(name);
      if (first && version != request.initial_resource_versions().end()) held_[name] = version->second;
    }
    answerDue_ = answerDue_ || first;
    return held_.size() <= static_cast<std::size_t>(kMaxNames);
  }

  std::optional<std::string> next(const SecretSnapshotPtr& snapshot) override {
    if (!snapshot || !started_) return std::nullopt;
    discovery::DeltaDiscoveryResponse response;
    for (auto& [name, version] : held_) {
      const auto entry = snapshot->entries.find(name);
      const std::string current = entry == snapshot->entries.end() ? "" : entry->second.version;
      if (version == current) continue;
      version = current;
      if (entry == snapshot->entries.end()) {
        response.add_removed_resources(name);
        continue;
      }
      auto* resource = response.add_resources();
      resource->set_name(name);
      resource->set_version(current);
      resource->mutable_resource()->ParseFromString(entry->second.any);
    }
    if (response.resources_size() == 0 && response.removed_resources_size() == 0 && !answerDue_) return std::nullopt;
    answerDue_ = false;
    response.set_type_url(kSecretType);
    response.set_nonce(std::to_string(++nonce_));
    return response.SerializeAsString();
  }

 private:
  bool started_ = false;
  bool answerDue_ = false;  // the first request is answered even if the client has all
  // Subscribed names with the version the client has; nothing: none known, "": known not to exist.
  std::map<std::string, std::optional<std::string>> held_;
  std::uint64_t nonce_ = 0;
};

}  // namespace

SecretSnapshotPtr makeSnapshot(const Secrets& secrets) {
  auto snapshot = std::make_shared<SecretSnapshot>();
  tls::Secret own;
  own.set_name(std::string(kWorkloadSecret));
  own.mutable_tls_certificate()->mutable_certificate_chain()->set_inline_bytes(secrets.certificateChain);
  own.mutable_tls_certificate()->mutable_private_key()->set_inline_bytes(secrets.privateKey);
  // Each key has its own certificate, so the certificate's hash identifies both.
  snapshot->entries[std::string(kWorkloadSecret)] = entryOf(own, secrets.certificateChain);
  tls::Secret discovery;
  discovery.set_name(std::string(kDiscoveryRootSecret));
  discovery.mutable_validation_context()->mutable_trusted_ca()->set_inline_bytes(secrets.roots);
  snapshot->entries[std::string(kDiscoveryRootSecret)] = entryOf(discovery, secrets.roots);
  tls::Secret peers;
  peers.set_name(std::string(kRootSecret));
  setPeerTrust(*peers.mutable_validation_context(), secrets);
  snapshot->entries[std::string(kRootSecret)] = entryOf(peers, peers.SerializeAsString());
  return snapshot;
}

std::unique_ptr<SdsSession> SdsSession::stateOfTheWorld() { return std::make_unique<StateOfTheWorld>(); }
std::unique_ptr<SdsSession> SdsSession::delta() { return std::make_unique<Delta>(); }

}  // namespace fairway::agent
