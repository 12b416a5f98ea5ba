#include "api/base64.h"

#include <catch2/catch.hpp>

using fairway::api::decodeBase64;

TEST_CASE("base64 is decoded as RFC 4648 gives its test vectors") {
  CHECK(decodeBase64("") == "");
  CHECK(decodeBase64("Zg==") == "f");
  CHECK(decodeBase64("Zm8=") == "fo");
  CHECK(decodeBase64("Zm9v") == "foo");
  CHECK(decodeBase64("Zm9vYg==") == "foob");
  CHECK(decodeBase64("Zm9vYmE=") == "fooba");
  CHECK(decodeBase64("Zm9v\nYmFy\r\n") == "foobar");
  CHECK(decodeBase64("+/8=") == std::string("\xFB\xFF"));
}

TEST_CASE("what is not base64 is refused") {
  for (const auto* text :
       {"Z", "Zg", "Zg=", "Zm8", "Zg===", "=", "====", "Zg==Zg==", "Zm9v=", "Z m9", "Zm9v-_==", "Zg=a"}) {
    INFO(text);
    CHECK_FALSE(decodeBase64(text));
  }
}
