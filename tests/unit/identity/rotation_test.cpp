#include <catch2/catch.hpp>

#include "identity/authority.h"
#include "identity/trust_bundle.h"
#include "plugin_ca.h"

using namespace fairway::identity;
using namespace fairway::identity::test;

namespace {

// An authority over the files of a plug-in CA.
struct Mesh {
  TemporaryDirectory directory;
  Time at = now();
  AuthorityOptions options;
  std::unique_ptr<CertificateAuthority> authority;

  explicit Mesh(const CaFiles& files) {
    options.stateDir = directory.path("state");
    options.caDir = directory.path("ca");
    options.rotationDelay = 60s;
    options.maxTtl = 48h;
    put(files);
    open();
  }
  void put(const CaFiles& files) const {
    std::filesystem::remove_all(options.caDir);
    std::filesystem::create_directories(options.caDir);
    for (const auto& [name, text] : files) write(options.caDir + "/" + name, text);
  }
  void open() { authority = CertificateAuthority::open(options, at).value(); }

  [[nodiscard]] IssuedCertificate issue() const {
    return authority->sign(PrivateKey::generate().value().publicKey().value(), {"onap", "msb"}, 0s, at).value();
  }
  // Whether all who trust what is told now believe a certificate.
  [[nodiscard]] bool believes(const IssuedCertificate& issued) const {
    return isTrusted(issued, authority->roots(), at);
  }
  static bool isTrusted(const IssuedCertificate& issued, const std::vector<Certificate>& roots, Time when) {
    std::vector<Certificate> chain;
    for (const auto& pem : issued.chain) chain.push_back(Certificate::fromPem(pem).value());
    return verifyChain(chain.front(), {chain.begin() + 1, chain.end()}, roots, Usage::client, when).has_value();
  }
  [[nodiscard]] bool serverIsOf(const Certificate& root) const {
    const auto chain = Certificate::chainFromPem(read(authority->serverFile())).value();
    return verifyChain(chain.front(), {chain.begin() + 1, chain.end()}, {root}, Usage::server, at).has_value();
  }
};

}  // namespace

TEST_CASE("certificates of a plug-in CA come with their intermediates and end with the CA") {
  const auto ca = makePluginCa(now(), "a", 10h);
  Mesh mesh(ca.files());
  const auto issued = mesh.issue();
  REQUIRE(issued.chain.size() == 2);
  CHECK(Mesh::isTrusted(issued, {ca.root}, mesh.at));
  CHECK(issued.notAfter == ca.intermediate.notAfter());  // asked for a day
  CHECK(mesh.serverIsOf(ca.root));
  CHECK(mesh.authority->expires() == ca.intermediate.notAfter());
}

TEST_CASE(
    "a new CA is trusted first, signs after the delay, and the old one stays trusted until its certificates end") {
  const auto a = makePluginCa(now(), "a"), b = makePluginCa(now(), "b");
  Mesh mesh(a.files());
  const auto early = mesh.issue();
  REQUIRE(mesh.authority->offer(b.files(), mesh.at));
  CHECK(mesh.authority->roots() == std::vector<Certificate>{a.root, b.root});
  CHECK(read(mesh.authority->rootsFile()) == mesh.authority->rootsBundle());
  CHECK(Mesh::isTrusted(mesh.issue(), {a.root}, mesh.at));
  CHECK(mesh.serverIsOf(a.root));
  CHECK(mesh.authority->state().pending == "CN=intermediate b");
  CHECK(mesh.authority->state().pendingDue == mesh.at + 60s);

  mesh.at += 59s;
  REQUIRE(mesh.authority->tick(mesh.at));
  const auto late = mesh.issue();
  CHECK(Mesh::isTrusted(late, {a.root}, mesh.at));
  mesh.at += 1s;
  REQUIRE(mesh.authority->tick(mesh.at));
  CHECK(Mesh::isTrusted(mesh.issue(), {b.root}, mesh.at));
  CHECK(mesh.serverIsOf(b.root));
  CHECK(mesh.believes(early));
  CHECK(mesh.believes(late));
  CHECK(mesh.authority->state().pending.empty());
  CHECK(mesh.authority->state().retained == 1);

  SECTION("for as long as a certificate may live") {
    mesh.at += 48h - 1s;
    REQUIRE(mesh.authority->tick(mesh.at));
    CHECK(mesh.authority->roots() == std::vector<Certificate>{b.root, a.root});
    mesh.at += 1s;
    REQUIRE(mesh.authority->tick(mesh.at));
    CHECK(mesh.authority->roots() == std::vector<Certificate>{b.root});
    CHECK(read(mesh.authority->rootsFile()) == b.root.toPem());
  }
  SECTION("also over a restart") {
    mesh.put(b.files());
    mesh.open();
    CHECK(mesh.authority->roots() == std::vector<Certificate>{b.root, a.root});
    CHECK(mesh.believes(late));
    CHECK(Mesh::isTrusted(mesh.issue(), {b.root}, mesh.at));
  }
}

TEST_CASE("a CA that was replaced while the control plane was down waits, too") {
  const auto a = makePluginCa(now(), "a"), b = makePluginCa(now(), "b");
  Mesh mesh(a.files());
  mesh.authority.reset();
  mesh.put(b.files());
  mesh.open();
  CHECK(Mesh::isTrusted(mesh.issue(), {a.root}, mesh.at));
  CHECK(mesh.authority->roots().size() == 2);
  mesh.at += 60s;
  REQUIRE(mesh.authority->tick(mesh.at));
  CHECK(Mesh::isTrusted(mesh.issue(), {b.root}, mesh.at));
}

TEST_CASE("a rotation by hand: both roots, then the new CA, which signs at once, then one root") {
  const auto a = makePluginCa(now(), "a"), b = makePluginCa(now(), "b");
  Mesh mesh(a.files());
  const auto early = mesh.issue();
  auto files = a.files();
  files["root-cert.pem"] = a.root.toPem() + b.root.toPem();
  REQUIRE(mesh.authority->offer(files, mesh.at));
  CHECK(mesh.authority->roots() == std::vector<Certificate>{a.root, b.root});
  CHECK(mesh.authority->state().pending.empty());
  mesh.at += 2h;
  files = b.files();
  files["root-cert.pem"] = a.root.toPem() + b.root.toPem();
  REQUIRE(mesh.authority->offer(files, mesh.at));
  CHECK(Mesh::isTrusted(mesh.issue(), {b.root}, mesh.at));
  CHECK(mesh.believes(early));
  mesh.at += 24h;
  REQUIRE(mesh.authority->offer(b.files(), mesh.at));  // a root that was named is dropped when its name goes
  CHECK(mesh.authority->roots() == std::vector<Certificate>{b.root});
}

TEST_CASE("a new intermediate under the same root signs at once") {
  const auto at = now();
  const auto a = makePluginCa(at, "a");
  Mesh mesh(a.files());
  const auto key = PrivateKey::generate().value();
  const Issuer root{a.root, a.rootKey};
  const auto second = makeAuthority(key, {"second", &root}, at);
  auto files = a.files();
  files["ca-cert.pem"] = files["cert-chain.pem"] = second.toPem();
  files["ca-key.pem"] = key.toPem().value();
  const auto early = mesh.issue();
  REQUIRE(mesh.authority->offer(files, mesh.at));
  CHECK(mesh.authority->state().issuer == "CN=second");
  CHECK(mesh.believes(early));
  CHECK(mesh.believes(mesh.issue()));
}

TEST_CASE("a broken update changes nothing, also while another one waits") {
  const auto a = makePluginCa(now(), "a"), b = makePluginCa(now(), "b");
  Mesh mesh(a.files());
  const auto trust = mesh.authority->trust();
  auto broken = b.files();
  broken["ca-key.pem"] = a.key.toPem().value();
  CHECK_FALSE(mesh.authority->offer(broken, mesh.at));
  CHECK(mesh.authority->trust() == trust);
  REQUIRE(mesh.authority->offer(b.files(), mesh.at));
  CHECK_FALSE(mesh.authority->offer(broken, mesh.at));
  mesh.at += 60s;
  REQUIRE(mesh.authority->tick(mesh.at));
  CHECK(Mesh::isTrusted(mesh.issue(), {b.root}, mesh.at));
}

TEST_CASE("a rotation that is taken back leaves the first CA alone") {
  const auto a = makePluginCa(now(), "a"), b = makePluginCa(now(), "b");
  Mesh mesh(a.files());
  REQUIRE(mesh.authority->offer(b.files(), mesh.at));
  REQUIRE(mesh.authority->offer(a.files(), mesh.at + 30s));
  CHECK(mesh.authority->roots() == std::vector<Certificate>{a.root});
  mesh.at += 1h;
  REQUIRE(mesh.authority->tick(mesh.at));
  CHECK(Mesh::isTrusted(mesh.issue(), {a.root}, mesh.at));
}

TEST_CASE("without an overlap a CA that is not named is not trusted") {
  const auto a = makePluginCa(now(), "a"), b = makePluginCa(now(), "b");
  Mesh mesh(a.files());
  mesh.options.overlap = 0s;
  mesh.open();
  REQUIRE(mesh.authority->offer(b.files(), mesh.at));
  mesh.at += 60s;
  REQUIRE(mesh.authority->tick(mesh.at));
  CHECK(mesh.authority->roots() == std::vector<Certificate>{b.root});
}

TEST_CASE("the self-made root is rotated with the former one beside it") {
  TemporaryDirectory directory;
  AuthorityOptions options;
  options.stateDir = directory.path("state");
  const auto at = now();
  const auto authority = CertificateAuthority::open(options, at).value();
  const auto before = readCaFolder(authority->caDirectory(), true).value();
  const auto old = authority->roots().front();
  const auto after = makeRoot("cluster.local", 24h * 365, before, at).value();
  REQUIRE(authority->offer(after, at));
  CHECK(authority->roots().size() == 2);
  REQUIRE(authority->tick(at + options.rotationDelay));
  CHECK(Certificate::fromPem(after.at("ca-cert.pem")).value().notAfter() == authority->expires());
  CHECK(authority->roots().back() == old);
  CHECK_FALSE(makeRoot("cluster.local", 24h, makePluginCa(at).files(), at));
}

TEST_CASE("revocation lists: ours that are missing are made, and what a list names does not count") {
  const auto at = now();
  const auto a = makePluginCa(at, "a"), b = makePluginCa(at, "b");
  Mesh mesh(a.files());
  CHECK(mesh.authority->trust()->crlPem.empty());
  const auto good = Certificate::fromPem(mesh.issue().chain.front()).value();
  const auto bad = Certificate::fromPem(mesh.issue().chain.front()).value();
  auto files = a.files();
  files["ca-crl.pem"] = makeCrl(a.issuer(), {bad}, at);
  REQUIRE(mesh.authority->offer(files, mesh.at));
  auto trust = mesh.authority->trust();
  CHECK(trust->isRevoked(bad));
  CHECK_FALSE(trust->isRevoked(good));
  CHECK(trust->crlLeafOnly);  // there is no list of the root
  CHECK(read(authorityCrlFile(mesh.options.stateDir)) == trust->crlPem);
  CHECK(mesh.authority->state().crlExpires == at + 24h * 30);

  files["ca-crl.pem"] += makeCrl({a.root, a.rootKey}, {}, at);
  REQUIRE(mesh.authority->offer(files, mesh.at));
  CHECK_FALSE(mesh.authority->trust()->crlLeafOnly);

  SECTION("a new CA without a list gets an empty one, or none of its certificates would be believed") {
    REQUIRE(mesh.authority->offer(b.files(), mesh.at));
    trust = mesh.authority->trust();
    CHECK(trust->crl.size() == 3);
    CHECK(std::any_of(trust->crl.begin(), trust->crl.end(),
                      [&](const RevocationList& list) { return list.isSignedBy(b.intermediate); }));
    CHECK(trust->isRevoked(bad));
    mesh.at += 60s;
    REQUIRE(mesh.authority->tick(mesh.at));
    CHECK(mesh.authority->trust()->isRevoked(bad));  // the former CA's list stays as long as the CA
    mesh.put(b.files());
    mesh.open();
    CHECK(mesh.authority->trust()->isRevoked(bad));
  }
  SECTION("where no list can be made, the update is refused") {
    const auto key = PrivateKey::generate().value();
    const Issuer root{a.root, a.rootKey};
    const auto narrow = makeAuthority(key, {"narrow", &root, "critical,CA:TRUE", "critical,keyCertSign"}, at);
    auto next = files;
    next["ca-cert.pem"] = next["cert-chain.pem"] = narrow.toPem();
    next["ca-key.pem"] = key.toPem().value();
    const auto refused = mesh.authority->offer(next, mesh.at);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message.find("ca-crl.pem holds no list of CN=narrow") != std::string::npos);
    CHECK(mesh.authority->state().issuer == "CN=intermediate a");
  }
}

TEST_CASE("trust bundles of several domains") {
  const auto at = now();
  const auto a = makePluginCa(at, "a"), b = makePluginCa(at, "b");
  Mesh mesh(a.files());
  const auto trust = mesh.authority->trust();
  std::string problem;
  const auto bundle = [&](const std::vector<std::string>& aliases, const std::vector<ExtraRoots>& extra) {
    return makeTrustBundle(*trust, "cluster.local", aliases, extra, problem);
  };
  CHECK(bundle({}, {}).isPlain());
  CHECK(bundle({"old.local"}, {}).isPlain());
  CHECK_FALSE(bundle({"old.local"}, {}).isolates());

  const auto more = bundle({"old.local"}, {{b.root.toPem(), {}}});
  CHECK_FALSE(more.isPlain());
  CHECK_FALSE(more.isolates());  // the same roots for both
  CHECK(more.roots == a.root.toPem());
  CHECK(more.domains.at("old.local") == a.root.toPem() + b.root.toPem());

  const auto apart = bundle({}, {{b.root.toPem(), {"b.example"}}});
  CHECK(apart.isolates());
  CHECK(apart.domains.at("cluster.local") == a.root.toPem());
  CHECK(apart.domains.at("b.example") == b.root.toPem());
  CHECK(problem.empty());
  CHECK(TrustBundle::fromJson(apart.toJson()).value() == apart);
  CHECK_FALSE(TrustBundle::fromJson("{}"));
  CHECK_FALSE(TrustBundle::fromJson(R"({"roots": "x"})"));

  // With revocation lists, domains with roots of their own are left out: refused, rather than not looked up.
  auto files = a.files();
  files["ca-crl.pem"] = makeCrl(a.issuer(), {}, at);
  REQUIRE(mesh.authority->offer(files, at));
  const auto listed =
      makeTrustBundle(*mesh.authority->trust(), "cluster.local", {}, {{b.root.toPem(), {"b.example"}}}, problem);
  CHECK_FALSE(listed.isolates());
  CHECK_FALSE(listed.domains.contains("b.example"));
  CHECK(problem.find("b.example") != std::string::npos);
}
