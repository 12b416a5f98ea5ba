#include "api/field_path.h"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace fairway::api {
namespace {

std::vector<std::string> steps(std::string_view path) {
  std::vector<std::string> result;
  while (!path.empty()) result.emplace_back(firstStep(path));
  return result;
}

TEST_CASE("paths are written with dots, and brackets where a key is no word") {
  CHECK(fieldPath("", std::string_view("spec")) == "spec");
  CHECK(fieldPath("spec", std::string_view("http")) == "spec.http");
  CHECK(fieldPath("spec.http", std::size_t{3}) == "spec.http[3]");
  CHECK(fieldPath("spec.portLevelMtls", std::string_view("8080")) == "spec.portLevelMtls[8080]");
  CHECK(fieldPath("metadata.labels", std::string_view("app.kubernetes.io/name")) ==
        "metadata.labels[app.kubernetes.io/name]");
  CHECK(fieldPath("a", std::string_view("")) == "a[]");
}

TEST_CASE("a path is taken apart into what it was made of") {
  CHECK(steps("spec.http[0].match[12].uri") == std::vector<std::string>{"spec", "http", "0", "match", "12", "uri"});
  CHECK(steps("p[request.headers[x-token]].q") == std::vector<std::string>{"p", "request.headers[x-token]", "q"});
  CHECK(steps("data[tls.key]") == std::vector<std::string>{"data", "tls.key"});
  CHECK(steps("a[unclosed") == std::vector<std::string>{"a", "unclosed"});
  CHECK(steps("").empty());
}

}  // namespace
}  // namespace fairway::api
