#pragma once

#include <optional>
#include <string>

// Whether Envoy could use a server's certificate and key: what it cannot use it refuses, and a listener that waits for
// it never opens. Pure functions over PEM; messages never quote the key.
namespace fairway::normalize {

// Why a certificate chain with its private key cannot be used; nothing if it can. Validity in time is not looked at.
std::optional<std::string> keyPairProblem(const std::string& chain, const std::string& key);

// Why a list of CA certificates cannot be used; nothing if it can.
std::optional<std::string> rootsProblem(const std::string& roots);

}  // namespace fairway::normalize
