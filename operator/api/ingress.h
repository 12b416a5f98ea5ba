#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/object.h"

// networking.k8s.io/v1 Ingress and IngressClass.
namespace fairway::api {

struct IngressSpec {
  struct Backend {
    std::string service;  // in the Ingress's namespace; empty: a resource of another kind, which is not supported
    std::uint32_t port = 0;
    std::string portName;  // in place of `port`
    bool operator==(const Backend&) const = default;
  };
  struct Path {
    enum class Type { exact, prefix, implementation_specific };
    std::string path;
    Type type = Type::implementation_specific;
    Backend backend;
    bool operator==(const Path&) const = default;
  };
  struct Rule {
    std::string host;  // lower case; empty: every host
    std::vector<Path> paths;
    bool operator==(const Rule&) const = default;
  };
  struct Tls {
    std::vector<std::string> hosts;  // lower case; empty: every host
    std::string secretName;
    bool operator==(const Tls&) const = default;
  };
  std::string className;
  std::optional<Backend> defaultBackend;
  std::vector<Tls> tls;
  std::vector<Rule> rules;
  bool operator==(const IngressSpec&) const = default;
};
using Ingress = Typed<IngressSpec, Kind::ingress>;

struct IngressClassSpec {
  std::string controller;
  bool operator==(const IngressClassSpec&) const = default;
};
using IngressClass = Typed<IngressClassSpec, Kind::ingress_class>;

}  // namespace fairway::api
