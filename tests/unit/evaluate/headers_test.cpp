#include "evaluate/headers.h"

namespace fairway::evaluate {

TEST_CASE("Headers keep what Envoy keeps apart, and join what it joins", "[evaluate]") {
  Headers headers;
  headers.add("X-A", "1");
  headers.add("x-a", "2");
  headers.add("authorization", "1");
  headers.add("Authorization", "2");
  headers.set(":authority", "h");
  CHECK(headers.get("x-A") == std::vector<std::string_view>{"1", "2"});
  CHECK(headers.get("authorization") == std::vector<std::string_view>{"1,2"});
  CHECK(headers.first("x-a") == "1");
  CHECK(headers.get("host") == std::vector<std::string_view>{"h"});
  CHECK(headers.present("x-a") == Truth::yes);
  CHECK(headers.present("x-b") == Truth::no);
  headers.remove("X-a");
  CHECK(headers.present("x-a") == Truth::no);
}

TEST_CASE("Of a header that Envoy writes the value is not known", "[evaluate]") {
  Headers headers;
  headers.add("x-request-id", "1");
  headers.setUnknown("x-request-id", Truth::yes);
  CHECK(headers.present("x-request-id") == Truth::yes);
  CHECK_FALSE(headers.known("x-request-id"));
  CHECK(headers.get("x-request-id").empty());
  headers.set("x-request-id", "2");
  CHECK(headers.known("x-request-id"));
}

}  // namespace fairway::evaluate
