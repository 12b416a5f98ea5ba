#pragma once

#include <string>

#include "base/strings.h"

namespace fairway::kube {

// resourceVersions are decimal numbers that grow (Kubernetes API Concepts, "Resource versions"; promised since
// 1.35, true of etcd before). Where they are not, nothing is known and nothing is held back.
inline bool older(const std::string& a, const std::string& b) {
  const auto left = toNumber(a), right = toNumber(b);
  return left && right && *left < *right;
}

}  // namespace fairway::kube
