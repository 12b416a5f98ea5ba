// Manifests through normalisation and translation, as a sidecar and a gateway get them: no object may break the rest.
#include "api/codec.h"
#include "fake_view.h"
#include "fuzz/target.h"
#include "kube/manifest.h"
#include "normalize/queries.h"
#include "translate/scopes.h"
#include "translate/units.h"

namespace {

using namespace fairway;

const store::Catalogue& catalogue() {
  static const store::Catalogue instance = [] {
    store::Catalogue made;
    normalize::registerQueries(made);
    translate::registerUnits(made);
    return made;
  }();
  return instance;
}

translate::Proxy proxy(translate::ProxyType type) {
  translate::Proxy proxy;
  proxy.type = type;
  proxy.ns = "onap";
  proxy.pod = "vio-1";
  proxy.serviceAccount = "vio";
  proxy.labels = {{"app", "vio"}, {"istio", "ingressgateway"}};
  proxy.ips = {"10.30.7.1"};
  return proxy;
}

// A view that computes a unit whose key is known only at run time.
class View : public test::FakeView {
 public:
  using FakeView::FakeView;
  const translate::Output& output(const store::UnitKey& key) {
    return *static_cast<const translate::Output*>(readUnit(key));
  }
};

void collect(View& view, const translate::Proxy& proxy) {
  std::set<std::pair<translate::Type, std::string>> names;
  std::set<store::UnitKey> done;
  std::vector<store::UnitKey> pending = view.ask(translate::ScopesOf{proxy});
  while (!pending.empty()) {
    const auto key = pending.back();
    pending.pop_back();
    if (!done.insert(key).second) continue;
    const auto& output = view.output(key);
    pending.insert(pending.end(), output.children.begin(), output.children.end());
    for (const auto& resource : output.resources) {
      fuzz::require(names.emplace(resource->type, resource->name).second, "a name has one content");
    }
  }
}

void run(std::string_view text) {
  View view(catalogue());
  for (const auto& each : kube::readManifest("in.yaml", std::string(text)).objects) view.put(each.object);
  for (const auto type : {translate::ProxyType::sidecar, translate::ProxyType::gateway}) {
    collect(view, proxy(type));
  }
}

const fuzz::Registration kTarget{{"mesh", {"tests/golden/*/in.yaml"}, run, nullptr}};

}  // namespace
