#pragma once

#include <string_view>

#include "api/codec.h"
#include "api/yaml.h"
#include "fixtures.h"

namespace fairway::test {

// Puts the objects of YAML documents into the mesh, which must all be readable; mistakes in them are kept.
inline void applyText(Mesh& mesh, std::string_view text) {
  auto documents = api::parseYaml(text);
  INFO((documents ? std::string() : documents.error().message));
  REQUIRE(documents);
  for (auto& document : *documents) {
    const auto decoded = api::decode(document.value);
    INFO(document.value);
    REQUIRE(decoded.object);
    mesh.put(decoded.object);
  }
}

}  // namespace fairway::test
