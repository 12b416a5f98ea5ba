#pragma once

#include <string>
#include <vector>

#include "identity/trust.h"

// `<state>/ca/authority.json`: what signs, and what stays trusted for a while. Holds a key: mode 0600.
namespace fairway::identity {

struct AuthorityRecord {
  CaFiles active;
  std::vector<RetainedCa> retained;
};

Result<std::string> writeRecord(const CaMaterial& active, const std::vector<RetainedCa>& retained);
// Messages never quote the text.
Result<AuthorityRecord> readRecord(const std::string& text);

}  // namespace fairway::identity
