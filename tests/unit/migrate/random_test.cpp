#include <random>

#include "unit/migrate/fixtures.h"

using namespace fairway;
using namespace fairway::test;

namespace {

// Random old policies over a few words that are each other's neighbours.
class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  std::string mesh() {
    std::string yaml = workload("a") + workload("b", "vid", ", version: v1") + workload("b", "web", ", version: v2");
    const std::vector<std::string> modes{"{mode: \"ON\"}", "{mode: ON_WITH_INCLUSION, inclusion: {namespaces: [ns]}}",
                                         "{mode: ON_WITH_INCLUSION, inclusion: {services: [a.ns.svc.cluster.local]}}",
                                         "{mode: ON_WITH_EXCLUSION, exclusion: {services: [b.ns.svc.cluster.local]}}"};
    yaml += "---\napiVersion: rbac.istio.io/v1alpha1\nkind: ClusterRbacConfig\nmetadata: {name: default}\nspec: " +
            one(modes) + "\n";
    if (coin()) yaml += policy("default", "{peers: [{mtls: {mode: " + one({"STRICT", "PERMISSIVE"}) + "}}]}");
    if (coin())
      yaml += policy("p", "{targets: [{name: " + one({"a", "b"}) + one({"", ", ports: [{number: 80}]"}) + "}]}");
    for (int i = 0; i < 3; ++i) {
      const auto name = "r" + std::to_string(i);
      yaml += role(name, list(1, 2, [&] { return rule(); }));
      yaml += binding("b" + name, name, list(1, 3, [&] { return subject(); }), coin() ? "" : "  mode: ENFORCED\n");
    }
    return yaml;
  }

 private:
  bool coin() { return random_() % 2 == 0; }
  std::string one(const std::vector<std::string>& words) { return words[random_() % words.size()]; }
  template <class Make>
  std::string list(std::size_t least, std::size_t most, Make make) {
    std::string text = "[";
    const auto count = least + random_() % (most - least + 1);
    for (std::size_t i = 0; i < count; ++i) text += (i == 0 ? "" : ", ") + make();
    return text + "]";
  }
  std::string words(const std::vector<std::string>& from) {
    return list(1, 2, [&] { return "\"" + one(from) + "\""; });
  }
  std::string rule() {
    std::string text = "{services: " + words({"a.ns.svc.cluster.local", "b.ns.*", "*"});
    if (coin()) text += ", methods: " + words({"GET", "POST", "*", "P*"});
    if (coin())
      text += ", paths: " + words({"/a", "/ab", "/a*", "*b", "/ab/*"});
    else if (coin())
      text += ", notPaths: " + words({"/a", "/a*", "*b"});
    if (coin()) text += ", hosts: " + words({"h.example.com", "*.example.com", "H*"});
    if (coin())
      text += ", constraints: [{key: " +
              one({"\"request.headers[x]\", values: [\"v\", \"w*\"]",
                   "destination.ip, values: [10.0.0.0/8, 10.1.0.0/16]", "\"destination.labels[version]\", values: [v1]",
                   "destination.port, values: [\"8080\"]", "connection.sni, values: [\"*.x\", \"a\"]"}) +
              "}]";
    return text + "}";
  }
  std::string subject() {
    switch (random_() % 6) {
      case 0: return "{user: \"" + one({"*", "cluster.local/ns/ns/sa/vid", "cluster.local/ns/*", "*/sa/vid"}) + "\"}";
      case 1: return "{namespaces: " + words({"ns", "n*", "*s"}) + "}";
      case 2: return "{notNamespaces: " + words({"ns", "n*"}) + ", ips: " + words({"10.0.0.0/8", "10.2.0.0/15"}) + "}";
      case 3: return "{names: " + words({"allAuthenticatedUsers", "cluster.local/ns/ns/sa/web"}) + "}";
      case 4: return "{properties: {\"request.headers[x]\": \"" + one({"v", "v*", "*"}) + "\"}}";
      default: return "{group: " + one({"g", "h"}) + "}";
    }
  }

  std::mt19937 random_;
};

}  // namespace

TEST_CASE("random policies decide the same after the migration") {
  std::size_t cases = 0, manifests = 0;
  for (unsigned seed = 0; seed < 60; ++seed) {
    const auto yaml = Generator(seed).mesh();
    const auto result = migrated(yaml);
    INFO("seed " << seed << "\n" << yaml << "\n" << listing(result));
    CHECK(result.equivalence.holds());
    cases += result.equivalence.branches;
    manifests += result.manifests.size();
  }
  CHECK(cases > 1000);
  CHECK(manifests > 120);
}
