#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <catch2/catch.hpp>

#include "api/codec.h"
#include "api/yaml.h"

namespace fairway::api::testing {

// The one document of a YAML text.
inline nlohmann::json fromYaml(std::string_view text) {
  auto documents = parseYaml(text);
  INFO(text);
  INFO((documents ? std::string() : documents.error().message));
  REQUIRE(documents);
  REQUIRE(documents->size() == 1);
  return std::move(documents->front().value);
}

inline std::string toText(const Problems& problems) {
  std::string result;
  for (const auto& p : problems) {
    result += (p.severity == Problem::Severity::error ? "error " : "warning ") + p.field + ": " + p.message + "\n";
  }
  return result;
}

inline Decoded decodeYaml(std::string_view text) { return decode(fromYaml(text)); }

template <class T>
std::shared_ptr<const T> as(const Decoded& decoded) {
  REQUIRE(decoded.object != nullptr);
  REQUIRE(decoded.object->kind == T::kKind);
  CHECK(decoded.object->problems == decoded.problems);
  return std::static_pointer_cast<const T>(decoded.object);
}

// An object of a kind, without any problem.
template <class T>
std::shared_ptr<const T> good(std::string_view text) {
  const auto decoded = decodeYaml(text);
  INFO(text);
  INFO(toText(decoded.problems));
  CHECK(decoded.problems.empty());
  return as<T>(decoded);
}

inline const Problem* find(const Problems& problems, std::string_view field, std::string_view fragment) {
  for (const auto& p : problems) {
    if (p.field == field && p.message.find(fragment) != std::string::npos) return &p;
  }
  return nullptr;
}

// A row of a table of bad input: the object must have this problem, and be invalid if it is an error.
struct Bad {
  std::string yaml;
  std::string field;
  std::string fragment;
  Problem::Severity severity = Problem::Severity::error;
};

inline void check(const std::string& text, const Bad& bad) {
  const auto decoded = decodeYaml(text);
  INFO(text);
  INFO("expected " << bad.field << ": " << bad.fragment);
  INFO("found\n" << toText(decoded.problems));
  const auto* problem = find(decoded.problems, bad.field, bad.fragment);
  REQUIRE(problem != nullptr);
  CHECK(problem->severity == bad.severity);
  if (bad.severity == Problem::Severity::error && decoded.object) CHECK_FALSE(decoded.object->valid());
  if (bad.severity == Problem::Severity::warning && decoded.object) CHECK(decoded.object->valid());
}

// The rows' texts are specs, in YAML's block or flow form, of one kind.
inline void checkSpecs(const std::string& header, const std::vector<Bad>& table) {
  for (const auto& bad : table) check(header + "\nspec: " + bad.yaml + "\n", bad);
}

}  // namespace fairway::api::testing
