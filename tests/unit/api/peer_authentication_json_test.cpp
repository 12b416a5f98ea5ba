#include "api/security.h"
#include "unit/api/support.h"

namespace fairway::api {
namespace {

using namespace testing;
using Mode = PeerAuthenticationSpec::Mode;
const std::string kHeader =
    "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: p, namespace: onap}";

TEST_CASE("peer authentication with all fields") {
  const auto policy = good<PeerAuthentication>(R"(
apiVersion: security.istio.io/v1beta1
kind: PeerAuthentication
metadata: {name: p, namespace: onap}
spec:
  selector: {matchLabels: {app: web}}
  mtls: {mode: STRICT}
  portLevelMtls:
    8080: {mode: DISABLE}
    "8081": {mode: PERMISSIVE}
    8082: {}
)");
  CHECK(policy->spec.selector == Labels{{"app", "web"}});
  CHECK(policy->spec.mode == Mode::strict);
  CHECK(policy->spec.ports ==
        std::map<std::uint32_t, Mode>{{8080, Mode::disable}, {8081, Mode::permissive}, {8082, Mode::unset}});
  CHECK(good<PeerAuthentication>(kHeader)->spec == PeerAuthenticationSpec{});
  CHECK(good<PeerAuthentication>(kHeader + "\nspec: {mtls: {}}")->spec.mode == Mode::unset);
}

TEST_CASE("bad peer authentication, and what cannot be read is strict") {
  checkSpecs(kHeader,
             {
                 {"{mtls: {mode: ON}}", "spec.mtls.mode", "expected one of UNSET, DISABLE, PERMISSIVE, STRICT"},
                 {"{mtls: STRICT}", "spec.mtls", "expected a mapping"},
                 {"{portLevelMtls: {8080: {mode: STRICT}}}", "spec.portLevelMtls", "expected selector.matchLabels"},
                 {"{selector: {matchLabels: {a: b}}, portLevelMtls: {http: {mode: STRICT}}}", "spec.portLevelMtls.http",
                  "from 1 to 65535"},
                 {"{selector: {matchLabels: {a: b}}, portLevelMtls: {0: {mode: STRICT}}}", "spec.portLevelMtls[0]",
                  "from 1 to 65535"},
                 {"{selector: {matchLabels: {a: '*'}}}", "spec.selector.matchLabels", "the value \"*\""},
                 {"{selector: {labels: {a: b}}}", "spec.selector", "expected matchLabels"},
                 {"{mtls: {mod: STRICT}}", "spec.mtls.mod", "did you mean mode?", Problem::Severity::warning},
             });
  CHECK(as<PeerAuthentication>(decodeYaml(kHeader + "\nspec: {mtls: {mode: ON}}"))->spec.mode == Mode::strict);
  CHECK(as<PeerAuthentication>(decodeYaml(kHeader + "\nspec: {mtls: STRICT}"))->spec.mode == Mode::strict);
  CHECK(as<PeerAuthentication>(decodeYaml(kHeader + "\nspec: text"))->spec.mode == Mode::strict);
}

}  // namespace
}  // namespace fairway::api
