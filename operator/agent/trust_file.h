#pragma once

#include <optional>
#include <string>
#include <tuple>

#include <sys/types.h>

#include "identity/trust_bundle.h"

namespace fairway::agent {

// What the control plane tells all proxies to trust, as files: `trust.json` beside the roots file, or that alone. In a pod
// both are keys of a ConfigMap that kubelet keeps up to date. Not thread-safe.
class TrustFile {
 public:
  explicit TrustFile(std::string rootFile);

  // What the files say, if they have changed since the last call (since construction for the first) and can be read. A
  // file that cannot is told of once, and changes nothing.
  std::optional<identity::TrustBundle> changed();

 private:
  using Stamp = std::tuple<dev_t, ino_t, off_t, time_t, long>;  // what changes when a file is replaced or written
  using Stamps = std::pair<std::optional<Stamp>, std::optional<Stamp>>;
  [[nodiscard]] Stamps look() const;
  static std::optional<Stamp> stampOf(const std::string& path);

  const std::string rootFile_, trustFile_;
  Stamps stamps_;
};

}  // namespace fairway::agent
