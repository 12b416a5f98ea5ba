#pragma once

#include <string>
#include <vector>

#include "analyze/world.h"
#include "base/finding.h"
#include "base/result.h"

// `fairway analyze`: mistakes in configuration, found before it is applied.
namespace fairway::analyze {

// Everything that is found, errors first. Of objects that manifests hold all is told, of those of the cluster what
// Options::ns says. Left out is what Options::suppressed names, and what an object's annotation
// galley.istio.io/analyze-suppress does (codes with commas between, or *).
Findings analyze(const World& world);

// A file, or one document of it, that cannot be read.
Finding unreadable(const std::string& source, const std::string& why);

// "IST0103=Pod *.testing": a code, ours or Istio's, and what objects it is not to be told of: kind, and name.namespace
// with * for any text. Fails for another form, or a code that there is not.
Result<void> checkSuppression(const std::string& text);

}  // namespace fairway::analyze
