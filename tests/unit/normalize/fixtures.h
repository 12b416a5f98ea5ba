#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "api/core.h"
#include "api/networking.h"
#include "api/security.h"
#include "normalize/queries.h"
#include "store/view.h"
#include "support/fake_view.h"

namespace fairway::test {

using Severity = model::Note::Severity;

inline const store::Catalogue& catalogue() {
  static const store::Catalogue instance = [] {
    store::Catalogue filled;
    normalize::registerQueries(filled);
    return filled;
  }();
  return instance;
}

// A mesh for one test: objects in, canonical values out.
struct Mesh : FakeView {
  Mesh() : FakeView(catalogue()) {}

  template <class T, class Fill>
  void add(const std::string& ns, const std::string& name, Fill fill) {
    put(make<T>(ns, name, fill));
  }

  struct Port {
    std::string name;
    std::uint32_t number;
    std::string targetPort;
  };
  void service(const std::string& ns, const std::string& name, std::vector<Port> ports,
               const api::Labels& selector = {}) {
    add<api::Service>(ns, name, [&](auto& o) {
      o.spec.clusterIPs = {"10.96.0.1"};
      o.spec.selector = selector.empty() ? api::Labels{{"app", name}} : selector;
      for (const auto& port : ports) o.spec.ports.push_back({port.name, "TCP", "", port.number, port.targetPort});
    });
  }
  void pod(const std::string& ns, const std::string& name, const api::Labels& labels,
           const std::string& account = "default") {
    add<api::Pod>(ns, name, [&](auto& o) {
      o.meta.labels = labels;
      o.spec.serviceAccountName = account;
      o.spec.ips = {"10.2.2.2"};
      o.spec.ports = {{"web", 8080, "TCP"}};
    });
  }
};

inline api::Problem errorAt(std::string field) { return {api::Problem::Severity::error, std::move(field), "wrong"}; }

inline std::string fqdn(const std::string& name, const std::string& ns) {
  return name + "." + ns + ".svc.cluster.local";
}

}  // namespace fairway::test
