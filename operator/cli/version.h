#pragma once

#include <string>

namespace fairway::cli {

// "0.1.0 (abc1234)"; the commit is left out where the build did not know it.
std::string versionText();
// What `fairway version` prints: the version, and the libraries and Envoy API it was built with.
// format: "text", "json", "yaml".
std::string versionReport(const std::string& format);

}  // namespace fairway::cli
