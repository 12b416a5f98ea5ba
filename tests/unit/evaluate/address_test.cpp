#include "evaluate/address.h"

namespace fairway::evaluate {

TEST_CASE("Addresses are in ranges of their own family", "[evaluate]") {
  const auto in = [](const char* ip, const char* prefix, std::uint32_t length) {
    return inRange(*parseIp(ip), *parseIp(prefix), length);
  };
  CHECK(in("10.1.2.3", "10.0.0.0", 8));
  CHECK_FALSE(in("11.1.2.3", "10.0.0.0", 8));
  CHECK(in("10.0.0.7", "10.0.0.4", 30));
  CHECK_FALSE(in("10.0.0.8", "10.0.0.4", 30));
  CHECK(in("10.0.0.8", "192.0.2.1", 0));
  CHECK_FALSE(in("::1", "0.0.0.0", 0));
  CHECK(in("2001:db8::5", "2001:db8::", 32));
  CHECK_FALSE(in("2001:db9::5", "2001:db8::", 32));
  CHECK_FALSE(parseIp("10.0.0").has_value());
  CHECK_FALSE(parseIp("10.0.0.1:80").has_value());
  CHECK(isLoopback(*parseIp("127.9.9.9")));
  CHECK_FALSE(isLoopback(*parseIp("10.0.0.1")));
}

}  // namespace fairway::evaluate
