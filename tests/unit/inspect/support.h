#pragma once

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include "inspect/dump.h"
#include "paths.h"

namespace fairway::test {

// The text of a recorded dump: of a small mesh, with a real Envoy. tests/e2e/test_proxy_status.py writes them.
inline std::string recordedText(const std::string& name) {
  std::ifstream in(sourceDirectory() / "tests/unit/inspect/dumps" / name);
  if (!in) throw std::runtime_error(name + " cannot be read");
  return {std::istreambuf_iterator<char>(in), {}};
}

inline inspect::Dump recorded(const std::string& name) { return inspect::parseDump(recordedText(name)).value(); }

// A part of a recorded ConfigDump, by the last part of its type's name.
inline nlohmann::json& partOf(nlohmann::json& dump, const std::string& name) {
  for (auto& part : dump["configs"]) {
    if (part["@type"].get<std::string>().ends_with("." + name)) return part;
  }
  throw std::runtime_error("the dump has no " + name);
}

}  // namespace fairway::test
