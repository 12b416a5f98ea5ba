// Every combination of what a caller may show, held against a table of who may have what. Not one wrong grant.
#include <catch2/catch.hpp>

#include <array>
#include <map>
#include <set>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <nlohmann/json.hpp>

#include "identity/authority.h"
#include "identity/caller.h"
#include "plugin_ca.h"

using namespace fairway::identity;
using namespace fairway::identity::test;

namespace {

enum class Key { ours, foreign };
enum class Audience { ours, among_others, other, missing };
enum class Expiry { valid, expired, future };
constexpr std::array kKeys{Key::ours, Key::foreign};
constexpr std::array kAudiences{Audience::ours, Audience::among_others, Audience::other, Audience::missing};
constexpr std::array kExpiries{Expiry::valid, Expiry::expired, Expiry::future};
const std::array<ServiceAccount, 4> kAccounts{
    {{"onap", "msb"}, {"onap", "admin"}, {"kube-system", "msb"}, {"kube-system", "admin"}}};
const std::array<std::string, 3> kDomains{"cluster.local", "other.example", "cluster.local.evil"};
// Names that a request asks for; `openssl req` extensions, none first.
const std::array<std::string, 7> kRequests{
    "",
    "URI:spiffe://cluster.local/ns/onap/sa/msb",
    "URI:spiffe://cluster.local/ns/kube-system/sa/admin",
    "URI:spiffe://other.example/ns/onap/sa/msb",
    "URI:spiffe://cluster.local/ns/onap/sa/msb,URI:spiffe://cluster.local/ns/kube-system/sa/admin",
    "DNS:istiod.istio-system.svc,IP:127.0.0.1",
    "DNS:a.example,URI:spiffe://cluster.local/ns/onap/sa/admin,email:x@y.z"};

constexpr std::size_t kTokens = 1 + 2 * 4 * 3 * 4;            // none; key x audience x expiry x account
constexpr std::size_t kCertificates = 1 + 2 * 3 * 3 * 4 * 2;  // none; CA x trust domain x expiry x account x revoked
constexpr std::size_t kDecisions = kTokens * kCertificates * 2;

struct Token {
  std::string text;  // empty: none
  bool good = false;
  ServiceAccount account;
};
struct Shown {
  std::string pem;  // empty: none
  bool good = false;
  ServiceAccount account;
};

std::string base64url(const std::string& bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  std::string result;
  for (const char c : text) {
    if (c == '=') break;
    result += c == '+' ? '-' : c == '/' ? '_' : c;
  }
  return result;
}

// A token as the folder mode makes them, with any claims and any key.
std::string forge(const std::string& key, const nlohmann::json& claims) {
  const auto text = base64url(R"({"alg":"HS256","typ":"JWT"})") + "." + base64url(claims.dump());
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
       text.size(), digest.data(), &size);
  return text + "." + base64url({reinterpret_cast<const char*>(digest.data()), size});
}

nlohmann::json claimsOf(Audience audience, Expiry expiry, const ServiceAccount& account, Time at) {
  const auto second = [&](std::chrono::seconds offset) { return std::chrono::system_clock::to_time_t(at + offset); };
  nlohmann::json claims{{"sub", "system:serviceaccount:" + account.ns + ":" + account.name}};
  switch (audience) {
    case Audience::ours: claims["aud"] = "istio-ca"; break;
    case Audience::among_others: claims["aud"] = {"api", "istio-ca"}; break;
    case Audience::other: claims["aud"] = {"api", "istio-ca.example", "Istio-CA"}; break;
    case Audience::missing: break;
  }
  claims["nbf"] = second(expiry == Expiry::future ? 1h : -2h);
  claims["exp"] = second(expiry == Expiry::expired ? 0s : 3h);
  return claims;
}

std::vector<Token> allTokens(const std::string& ownKey, Time at) {
  std::vector<Token> tokens{{}};
  for (const auto key : kKeys) {
    for (const auto audience : kAudiences) {
      for (const auto expiry : kExpiries) {
        for (const auto& account : kAccounts) {
          const bool good = key == Key::ours && expiry == Expiry::valid &&
                            (audience == Audience::ours || audience == Audience::among_others);
          const auto secret = key == Key::ours ? ownKey : std::string(32, 'x');
          tokens.push_back({forge(secret, claimsOf(audience, expiry, account, at)), good, account});
        }
      }
    }
  }
  return tokens;
}

// Also the list of those that are to be revoked.
std::vector<Shown> allCertificates(const Issuer& own, const Issuer& foreign, Time at,
                                   std::vector<Certificate>& revoked) {
  const auto key = PrivateKey::generate().value();
  std::vector<Shown> shown{{}};
  for (const auto* issuer : {&own, &foreign}) {
    for (const auto& domain : kDomains) {
      for (const auto expiry : kExpiries) {
        for (const auto& account : kAccounts) {
          for (const bool isRevoked : {false, true}) {
            const auto from = expiry == Expiry::future ? at + 1h : expiry == Expiry::expired ? at - 2h : at;
            const auto certificate = makeWorkload(*issuer, key, from, 1h, {domain, account});
            if (isRevoked) revoked.push_back(certificate);
            const bool good = issuer == &own && domain == "cluster.local" && expiry == Expiry::valid && !isRevoked;
            shown.push_back({certificate.toPem(), good, account});
          }
        }
      }
    }
  }
  return shown;
}

// Who may have a certificate, said without looking at the code: nobody unless the table says so.
std::optional<ServiceAccount> mayHave(const Token& token, const Shown& shown, bool certificateSuffices) {
  const bool hasToken = !token.text.empty(), hasCertificate = !shown.pem.empty();
  if (hasToken && !token.good) return std::nullopt;
  if (hasCertificate && !shown.good) return std::nullopt;
  if (hasToken && hasCertificate && token.account != shown.account) return std::nullopt;
  if (hasToken) return token.account;
  if (hasCertificate && certificateSuffices) return shown.account;
  return std::nullopt;
}

}  // namespace

TEST_CASE("the identity matrix: no wrong grant in any combination") {
  TemporaryDirectory directory;
  const auto at = now();
  // The CA is a day old: certificates that have expired under it exist.
  const auto ca = makePluginCa(at - 24h), elsewhere = makePluginCa(at - 24h, "foreign");
  std::vector<Certificate> revoked;
  const auto certificates = allCertificates(ca.issuer(), elsewhere.issuer(), at, revoked);
  AuthorityOptions options;
  options.stateDir = directory.path("state");
  options.caDir = directory.path("ca");
  std::filesystem::create_directories(options.caDir);
  auto files = ca.files();
  files["ca-crl.pem"] = makeCrl(ca.issuer(), revoked, at);
  for (const auto& [name, text] : files) write(options.caDir + "/" + name, text);
  const auto authority = CertificateAuthority::open(options, at).value();
  const auto verifier = FolderTokens::open(options.stateDir).value();
  const auto tokens = allTokens(read(directory.path("state/ca/token-key")), at);
  REQUIRE(tokens.size() == kTokens);
  REQUIRE(certificates.size() == kCertificates);

  struct Request {
    PublicKey key;
    std::string names;
  };
  std::vector<Request> requests;
  for (const auto& names : kRequests) {
    const auto made =
        run("openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -subj /CN=admin" +
            (names.empty() ? std::string() : " -addext subjectAltName=" + names) + " 2>/dev/null");
    REQUIRE(made.status == 0);
    requests.push_back({parseCsr(made.output).value(), names});
  }

  const auto trust = authority->trust();
  std::size_t decisions = 0, granted = 0, wrong = 0, refusedRightly = 0, signedFor = 0, wrongNames = 0;
  std::set<std::string> grantedAccounts;
  for (const auto& token : tokens) {
    for (const auto& shown : certificates) {
      for (const bool suffices : {false, true}) {
        CallerCredentials credentials;
        credentials.tls = true;
        credentials.certificate = shown.pem;
        credentials.chain = shown.pem.empty() ? "" : ca.intermediate.toPem() + elsewhere.intermediate.toPem();
        if (!token.text.empty()) credentials.authorization = "Bearer " + token.text;
        const auto decided =
            decideCaller(credentials, {*trust, authority->trustDomain(), verifier.get(), suffices}, at);
        const auto expected = mayHave(token, shown, suffices);
        ++decisions;
        if (decided.has_value() != expected.has_value() || (decided && *decided != *expected)) {
          ++wrong;
          CAPTURE(token.text, shown.pem, suffices);
          CHECK(decided.has_value() == expected.has_value());
        }
        if (!decided) {
          ++refusedRightly;
          continue;
        }
        ++granted;
        grantedAccounts.insert(decided->ns + "/" + decided->name);
        // In plaintext the same credentials are worth nothing.
        credentials.tls = false;
        if (decideCaller(credentials, {*trust, authority->trustDomain(), verifier.get(), suffices}, at)) ++wrong;
        for (const auto& request : requests) {
          const auto leaf =
              Certificate::fromPem(authority->sign(request.key, *decided, 0s, at).value().chain.front()).value();
          const std::vector<std::string> own{"spiffe://cluster.local/ns/" + decided->ns + "/sa/" + decided->name};
          ++signedFor;
          if (leaf.uriNames() != own || !leaf.dnsNames().empty() || leaf.hasIp("127.0.0.1") || leaf.isAuthority())
            ++wrongNames;
        }
      }
    }
  }
  WARN("identity matrix: " << decisions << " decisions, " << granted << " granted, " << signedFor
                           << " certificates signed, " << wrong + wrongNames << " wrong");
  CHECK(decisions == kDecisions);
  CHECK(refusedRightly + granted == kDecisions);
  CHECK(wrong == 0);
  CHECK(wrongNames == 0);
  CHECK(signedFor == granted * kRequests.size());
  // Good tokens (2 audiences x 4 accounts): alone, or with the good certificate of their account, both settings; good
  // certificates alone where they suffice.
  CHECK(granted == 8 * (1 + 1) * 2 + 4);
  CHECK(grantedAccounts.size() == kAccounts.size());
}
