#include "translate/tls.h"

#include <map>

#include <envoy/config/core/v3/base.pb.h>
#include <envoy/config/core/v3/grpc_service.pb.h>
#include <envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer.pb.h>
#include <envoy/extensions/transport_sockets/tls/v3/tls.pb.h>

#include "normalize/queries.h"
#include "translate/any.h"
#include "translate/message_writer.h"
#include "translate/names.h"
#include "translate/wire.h"

namespace fairway::translate {

namespace tls = envoy::extensions::transport_sockets::tls::v3;
using envoy::config::core::v3::TransportSocket;

namespace {

constexpr std::string_view kTlsSocket = "envoy.transport_sockets.tls";

// Where Debian and the images built on it keep the roots of the public web.
constexpr const char* kSystemRoots = "/etc/ssl/certs/ca-certificates.crt";

// No certificate authority of a mesh issues it: the trust domain is not a domain that can exist.
constexpr const char* kNobody = "spiffe://invalid/no-identity-serves-this-host";

// The agent's SDS server. There is no deadline for the first answer: to open a listener without its
// certificate would help nobody.
void setAgentSecret(tls::SdsSecretConfig& out, std::string_view name) {
  out.set_name(std::string(name));
  auto& source = *out.mutable_sds_config();
  source.set_resource_api_version(envoy::config::core::v3::ApiVersion::V3);
  source.mutable_initial_fetch_timeout();
  auto& api = *source.mutable_api_config_source();
  api.set_api_type(envoy::config::core::v3::ApiConfigSource::GRPC);
  api.set_transport_api_version(envoy::config::core::v3::ApiVersion::V3);
  api.set_set_node_on_first_message_only(true);
  api.add_grpc_services()->mutable_envoy_grpc()->set_cluster_name(std::string(kSdsCluster));
}

void setAdsSecret(tls::SdsSecretConfig& out, const std::string& name) {
  out.set_name(name);
  setAds(*out.mutable_sds_config());
}

tls::TlsParameters::TlsProtocol version(const std::string& name, tls::TlsParameters::TlsProtocol otherwise) {
  tls::TlsParameters::TlsProtocol value;
  return tls::TlsParameters::TlsProtocol_Parse(name, &value) ? value : otherwise;
}

void setParameters(tls::CommonTlsContext& context, const model::MeshSettings::Tls& settings) {
  auto& parameters = *context.mutable_tls_params();
  parameters.set_tls_minimum_protocol_version(version(settings.minVersion, tls::TlsParameters::TLSv1_2));
  for (const auto& suite : settings.cipherSuites) parameters.add_cipher_suites(suite);
  for (const auto& curve : settings.curves) parameters.add_ecdh_curves(curve);
}

// Clients of Envoy speak TLS 1.2 at most unless they are told so.
void setClientParameters(tls::CommonTlsContext& context, const model::MeshSettings::Tls& settings) {
  setParameters(context, settings);
  if (settings.minVersion == "TLSv1_3") {
    context.mutable_tls_params()->set_tls_maximum_protocol_version(tls::TlsParameters::TLSv1_3);
  }
}

void addAlpn(tls::CommonTlsContext& context, UpstreamAlpn alpn) {
  if (alpn == UpstreamAlpn::http2) context.add_alpn_protocols("h2");
  if (alpn == UpstreamAlpn::http1) context.add_alpn_protocols("http/1.1");
}

tls::SubjectAltNameMatcher::SanType sanType(const std::string& name) {
  if (name.find("://") != std::string::npos) return tls::SubjectAltNameMatcher::URI;
  return isAddress(name) ? tls::SubjectAltNameMatcher::IP_ADDRESS : tls::SubjectAltNameMatcher::DNS;
}

void addSubjectName(tls::CertificateValidationContext& validation, const std::string& name) {
  auto& san = *validation.add_match_typed_subject_alt_names();
  san.set_san_type(sanType(name));
  san.mutable_matcher()->set_exact(name);
}

// The workload's certificate, and peers of the trust domains only.
void setMeshServerContext(tls::DownstreamTlsContext& context, const std::vector<std::string>& trustDomains) {
  auto& common = *context.mutable_common_tls_context();
  setAgentSecret(*common.add_tls_certificate_sds_secret_configs(), kWorkloadCertificate);
  auto& validation = *common.mutable_combined_validation_context();
  for (const auto& trustDomain : trustDomains) {
    auto& san = *validation.mutable_default_validation_context()->add_match_typed_subject_alt_names();
    san.set_san_type(tls::SubjectAltNameMatcher::URI);
    san.mutable_matcher()->set_prefix("spiffe://" + trustDomain + "/");
  }
  setAgentSecret(*validation.mutable_validation_context_sds_secret_config(), kWorkloadRoots);
  context.mutable_require_client_certificate()->set_value(true);
}

}  // namespace

MeshTls meshTlsOf(store::View& view) {
  const auto& settings = view.ask(normalize::MeshSettingsOf{});
  MeshTls mesh{{view.mesh().trustDomain}, settings.meshTls, settings.tlsDefaults};
  mesh.trustDomains.insert(mesh.trustDomains.end(), settings.trustDomainAliases.begin(),
                           settings.trustDomainAliases.end());
  return mesh;
}

namespace {

using google::protobuf::Any;
using Context = tls::CommonTlsContext;
using Combined = Context::CombinedCertificateValidationContext;
using Validation = tls::CertificateValidationContext;
using Matcher = tls::SubjectAltNameMatcher;
using envoy::type::matcher::v3::StringMatcher;
using Upstream = tls::UpstreamTlsContext;

constexpr auto sizeOf = &MessageWriter::sizeOf;

const std::string& meshContext(UpstreamAlpn alpn, const model::MeshSettings::Tls& settings) {
  const auto contextOf = [&](UpstreamAlpn protocols) {
    Context context;
    setClientParameters(context, settings);
    setAgentSecret(*context.add_tls_certificate_sds_secret_configs(), kWorkloadCertificate);
    context.add_alpn_protocols(kMeshAlpn);
    addAlpn(context, protocols);
    return serialize(context);
  };
  // The settings are the whole mesh's and change once in a long while.
  static thread_local std::pair<model::MeshSettings::Tls, std::map<UpstreamAlpn, std::string>> kept;
  if (kept.second.empty() || kept.first != settings) {
    kept.first = settings;
    for (const auto one : {UpstreamAlpn::none, UpstreamAlpn::http1, UpstreamAlpn::http2})
      kept.second[one] = contextOf(one);
  }
  return kept.second.at(alpn);
}

const std::string& meshRoots() {
  static const std::string roots = [] {
    tls::SdsSecretConfig config;
    setAgentSecret(config, kWorkloadRoots);
    return serialize(config);
  }();
  return roots;
}

const std::string& upstreamTypeUrl() {
  static const std::string url = "type.googleapis.com/" + Upstream::descriptor()->full_name();
  return url;
}

const std::vector<std::string>& orNobody(const std::vector<std::string>& identities) {
  static const std::vector<std::string> nobody{kNobody};
  return identities.empty() ? nobody : identities;
}

// Of one SubjectAltNameMatcher.
std::size_t matcherSize(const std::string& identity) {
  constexpr auto kAnyType = static_cast<std::uint64_t>(Matcher::URI);  // they are all of one byte
  return MessageWriter::sizeOfNumber(Matcher::kSanTypeFieldNumber, kAnyType) +
         sizeOf(Matcher::kMatcherFieldNumber, sizeOf(StringMatcher::kExactFieldNumber, identity.size()));
}

}  // namespace

MeshClientTls::MeshClientTls(std::string_view sni, const std::vector<std::string>& identities, UpstreamAlpn alpn,
                             const model::MeshSettings::Tls& settings)
    : sni_(sni), identities_(orNobody(identities)), common_(meshContext(alpn, settings)) {
  for (const auto& identity : identities_) {
    sizes_.names += sizeOf(Validation::kMatchTypedSubjectAltNamesFieldNumber, matcherSize(identity));
  }
  sizes_.combined = sizeOf(Combined::kDefaultValidationContextFieldNumber, sizes_.names) +
                    sizeOf(Combined::kValidationContextSdsSecretConfigFieldNumber, meshRoots().size());
  sizes_.context = common_.size() + sizeOf(Context::kCombinedValidationContextFieldNumber, sizes_.combined);
  sizes_.upstream =
      sizeOf(Upstream::kCommonTlsContextFieldNumber, sizes_.context) + sizeOf(Upstream::kSniFieldNumber, sni_.size());
  sizes_.any =
      sizeOf(Any::kTypeUrlFieldNumber, upstreamTypeUrl().size()) + sizeOf(Any::kValueFieldNumber, sizes_.upstream);
}

std::size_t MeshClientTls::size() const {
  return sizeOf(TransportSocket::kNameFieldNumber, kTlsSocket.size()) +
         sizeOf(TransportSocket::kTypedConfigFieldNumber, sizes_.any);
}

void MeshClientTls::appendTo(MessageWriter& out) const {
  out.text(TransportSocket::kNameFieldNumber, kTlsSocket);
  out.begin(
      {{TransportSocket::kTypedConfigFieldNumber, sizes_.any}, {Any::kTypeUrlFieldNumber, upstreamTypeUrl().size()}});
  out.append(upstreamTypeUrl());
  out.begin({{Any::kValueFieldNumber, sizes_.upstream}, {Upstream::kCommonTlsContextFieldNumber, sizes_.context}});
  out.append(common_);
  out.begin({{Context::kCombinedValidationContextFieldNumber, sizes_.combined},
             {Combined::kDefaultValidationContextFieldNumber, sizes_.names}});
  for (const auto& identity : identities_) {
    out.begin(Validation::kMatchTypedSubjectAltNamesFieldNumber, matcherSize(identity));
    out.number(Matcher::kSanTypeFieldNumber, static_cast<std::uint64_t>(sanType(identity)));
    out.begin({{Matcher::kMatcherFieldNumber, sizeOf(StringMatcher::kExactFieldNumber, identity.size())},
               {StringMatcher::kExactFieldNumber, identity.size()}});
    out.append(identity);
  }
  out.text(Combined::kValidationContextSdsSecretConfigFieldNumber, meshRoots());
  out.text(Upstream::kSniFieldNumber, sni_);
}

void setClientTls(envoy::config::core::v3::TransportSocket& out, const model::TrafficPolicy::Tls& policy,
                  const std::string& host, UpstreamAlpn alpn, const model::MeshSettings::Tls& defaults) {
  tls::UpstreamTlsContext context;
  auto& common = *context.mutable_common_tls_context();
  const std::string name = policy.sni.empty() ? host : policy.sni;
  setClientParameters(common, defaults);
  if (policy.mode == model::TrafficPolicy::Tls::Mode::mutual && !policy.clientCertificate.empty()) {
    auto& certificate = *common.add_tls_certificates();
    certificate.mutable_certificate_chain()->set_filename(policy.clientCertificate);
    certificate.mutable_private_key()->set_filename(policy.privateKey);
  }
  if (!policy.insecureSkipVerify) {
    auto& validation = *common.mutable_validation_context();
    if (policy.roots.empty()) {
      validation.mutable_trusted_ca()->set_filename(policy.caCertificates.empty() ? kSystemRoots
                                                                                  : policy.caCertificates);
    } else {
      validation.mutable_trusted_ca()->set_inline_bytes(policy.roots);
    }
    if (!policy.crl.empty()) validation.mutable_crl()->set_filename(policy.crl);
    for (const auto& san : policy.subjectAltNames) addSubjectName(validation, san);
    if (policy.subjectAltNames.empty() && !name.empty()) addSubjectName(validation, name);
  }
  addAlpn(common, alpn);
  if (!name.empty() && !name.starts_with('*')) context.set_sni(name);
  setSocket(out, kTlsSocket, context);
}

const std::string& plaintext() {
  static const std::string bytes = [] {
    TransportSocket socket;
    setSocket(socket, "envoy.transport_sockets.raw_buffer",
              envoy::extensions::transport_sockets::raw_buffer::v3::RawBuffer());
    return serialize(socket);
  }();
  return bytes;
}

void setMeshServerTls(envoy::config::core::v3::TransportSocket& out, const MeshTls& mesh) {
  // It is the same for all, and there is a chain for each port of each workload.
  static thread_local std::pair<MeshTls, TransportSocket> last;
  if (last.first != mesh || !last.second.has_typed_config()) {
    tls::DownstreamTlsContext context;
    setParameters(*context.mutable_common_tls_context(), mesh.settings);
    setMeshServerContext(context, mesh.trustDomains);
    context.mutable_common_tls_context()->add_alpn_protocols("h2");
    context.mutable_common_tls_context()->add_alpn_protocols("http/1.1");
    setSocket(last.second, kTlsSocket, context);
    last.first = mesh;
  }
  out = last.second;
}

void setGatewayTls(envoy::config::core::v3::TransportSocket& out, const model::GatewayTls& server, bool http,
                   const MeshTls& mesh) {
  using Mode = model::GatewayTls::Mode;
  tls::DownstreamTlsContext context;
  auto& common = *context.mutable_common_tls_context();
  auto& parameters = *common.mutable_tls_params();
  const auto& defaults = server.mode == Mode::mesh ? mesh.settings : mesh.others;
  const auto least = version(defaults.minVersion, tls::TlsParameters::TLSv1_2);
  parameters.set_tls_minimum_protocol_version(version(server.minVersion, least));
  const auto maximum = version(server.maxVersion, tls::TlsParameters::TLS_AUTO);
  if (maximum != tls::TlsParameters::TLS_AUTO) parameters.set_tls_maximum_protocol_version(maximum);
  for (const auto& suite : server.cipherSuites.empty() ? defaults.cipherSuites : server.cipherSuites) {
    parameters.add_cipher_suites(suite);
  }
  for (const auto& curve : defaults.curves) parameters.add_ecdh_curves(curve);

  const bool asksClient = server.mode == Mode::mutual || server.mode == Mode::optional_mutual;
  if (server.mode == Mode::mesh) {
    setMeshServerContext(context, mesh.trustDomains);
  } else if (!server.credentials.empty()) {
    for (const auto& credential : server.credentials) {
      setAdsSecret(*common.add_tls_certificate_sds_secret_configs(),
                   gatewayCredentialSecret(credential.ns, credential.name));
    }
    if (asksClient) {
      auto& validation = *common.mutable_validation_context();
      validation.mutable_trusted_ca()->set_inline_bytes(server.clientRoots);
      if (server.mode == Mode::optional_mutual) {
        validation.set_trust_chain_verification(tls::CertificateValidationContext::ACCEPT_UNTRUSTED);
      }
    }
  } else if (!server.credentialName.empty()) {
    setAdsSecret(*common.add_tls_certificate_sds_secret_configs(), credentialSecret(server.credentialName));
    if (asksClient) {
      auto& validation = *common.mutable_combined_validation_context();
      for (const auto& san : server.subjectAltNames) {
        addSubjectName(*validation.mutable_default_validation_context(), san);
      }
      validation.mutable_default_validation_context();
      setAdsSecret(*validation.mutable_validation_context_sds_secret_config(),
                   credentialRootsSecret(server.credentialName));
    }
  } else {
    auto& certificate = *common.add_tls_certificates();
    certificate.mutable_certificate_chain()->set_filename(server.serverCertificate);
    certificate.mutable_private_key()->set_filename(server.privateKey);
    if (asksClient) {
      auto& validation = *common.mutable_validation_context();
      validation.mutable_trusted_ca()->set_filename(server.caCertificates);
      for (const auto& san : server.subjectAltNames) addSubjectName(validation, san);
    }
  }
  if (asksClient) context.mutable_require_client_certificate()->set_value(server.mode == Mode::mutual);
  if (http) {
    common.add_alpn_protocols("h2");
    common.add_alpn_protocols("http/1.1");
  }
  setSocket(out, kTlsSocket, context);
}

}  // namespace fairway::translate
