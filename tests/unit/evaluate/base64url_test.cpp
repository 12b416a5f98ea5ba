#include "evaluate/base64url.h"

namespace fairway::evaluate {

TEST_CASE("Base64url is read with and without padding, and nothing else is", "[evaluate]") {
  for (const std::string text : {"", "a", "ab", "abc", "abcd", "\xff\xfe\xfd?"}) {
    CHECK(decodeBase64Url(encodeBase64Url(text)) == text);
  }
  CHECK(encodeBase64Url("\xff\xfe\xfd") == "__79");
  CHECK(decodeBase64Url("YQ==") == "a");
  CHECK(decodeBase64Url("Y Q") == "a");
  CHECK_FALSE(decodeBase64Url("Y").has_value());
  CHECK_FALSE(decodeBase64Url("Y+==").has_value());
  CHECK_FALSE(decodeBase64Url("YQ=Y").has_value());
}

}  // namespace fairway::evaluate
