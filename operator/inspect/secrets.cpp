#include "inspect/secrets.h"

#include "api/base64.h"
#include "base/time.h"
#include "identity/pki.h"
#include "inspect/fields.h"

namespace fairway::inspect {

using nlohmann::json;

namespace {

// envoy.config.core.v3.DataSource, as far as its content is in the dump.
std::string contentOf(const json& source) {
  const auto text = textAt(source, {"inline_string"});
  if (!text.empty()) return text;
  return api::decodeBase64(textAt(source, {"inline_bytes"})).value_or("");
}

bool selected(const Filter& filter, const Resource& secret) {
  return filter.name.empty() || secret.name == filter.name;
}

}  // namespace

Table secretsTable(const Dump& dump, const Filter& filter, std::chrono::system_clock::time_point now) {
  Table table{{"RESOURCE NAME", "TYPE", "STATUS", "VALID CERT", "SERIAL NUMBER", "NOT AFTER", "NOT BEFORE"}, {}};
  const auto add = [&](const Resource& secret, const std::string& type, const json& source, bool all) {
    auto chain = identity::Certificate::chainFromPem(contentOf(source));
    if (!chain) return table.add({secret.name, type, secret.state, "false", "", "", ""});
    if (!all) chain->erase(chain->begin() + 1, chain->end());
    for (const auto& certificate : *chain) {
      const bool valid = certificate.notBefore() <= now && now <= certificate.notAfter();
      table.add({secret.name, type, secret.state, valid ? "true" : "false", certificate.serialHex(),
                 utcText(certificate.notAfter()), utcText(certificate.notBefore())});
    }
  };
  for (const auto& secret : dump.of(Type::secret)) {
    if (!selected(filter, secret)) continue;
    const auto& certificate = valueAt(secret.config, {"tls_certificate"});
    const auto& roots = valueAt(secret.config, {"validation_context"});
    if (certificate.is_object()) add(secret, "Cert Chain", valueAt(certificate, {"certificate_chain"}), false);
    if (roots.is_object()) add(secret, "CA", valueAt(roots, {"trusted_ca"}), true);
    if (!certificate.is_object() && !roots.is_object()) {
      table.add({secret.name, "Other", secret.state, "", "", "", ""});
    }
  }
  return table;
}

json secretsJson(const Dump& dump, const Filter& filter) {
  json result = json::array();
  for (const auto& secret : dump.of(Type::secret)) {
    if (selected(filter, secret)) result.push_back(secret.config);
  }
  return result;
}

}  // namespace fairway::inspect
