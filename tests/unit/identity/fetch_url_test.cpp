#include "identity/fetch_url.h"

#include <catch2/catch.hpp>

namespace fairway::identity {
namespace {

TEST_CASE("a URL's parts") {
  const auto url = parseFetchUrl("https://issuer.example.com/keys?a=b#c");
  REQUIRE(url);
  CHECK((url->tls && url->host == "issuer.example.com" && url->port == 443 && url->target == "/keys?a=b"));
  CHECK(parseFetchUrl("http://a")->target == "/");
  CHECK(parseFetchUrl("http://a?x")->target == "/?x");
  CHECK(parseFetchUrl("http://[::1]:8080/x")->host == "::1");
  CHECK(parseFetchUrl("http://[::1]:8080/x")->port == 8080);
  for (const auto* bad : {"", "a", "ftp://a", "http://", "http://a b", "http://a:0", "http://a:99999", "http://[::1",
                          "http://user@a", "http://a\r\nx: y", "http://:80/", "http://[::1]x"}) {
    INFO(bad);
    CHECK_FALSE(parseFetchUrl(bad));
  }
}

TEST_CASE("where a redirect leads") {
  const auto asked = *parseFetchUrl("https://a:8443/x/y?z");
  CHECK(resolveLocation(asked, "http://b/c") == "http://b/c");
  CHECK(resolveLocation(asked, "//b/c") == "https://b/c");
  CHECK(resolveLocation(asked, "/c") == "https://a:8443/c");
  CHECK(resolveLocation(asked, "c") == "https://a:8443/x/c");
}

TEST_CASE("addresses that nobody's URL leads to, in every notation") {
  FetchRules rules;
  rules.forbidden = {"10.96.0.1", "fd00::1"};
  for (const auto* ip : {"169.254.169.254",
                         "169.254.0.1",
                         "::ffff:169.254.169.254",
                         "::ffff:a9fe:a9fe",
                         "64:ff9b::a9fe:a9fe",
                         "2002:a9fe:a9fe::",
                         "::169.254.169.254",
                         "fe80::1",
                         "fe80::1%eth0",
                         "febf::1",
                         "0.0.0.0",
                         "::",
                         "0.1.2.3",
                         "224.0.0.1",
                         "255.255.255.255",
                         "240.0.0.1",
                         "ff02::1",
                         "127.0.0.1",
                         "127.9.9.9",
                         "::1",
                         "::ffff:127.0.0.1",
                         "100.100.100.200",
                         "168.63.129.16",
                         "fd00:ec2::254",
                         "10.96.0.1",
                         "::ffff:10.96.0.1",
                         "fd00::1",
                         "fd00:0::0001",
                         "no address",
                         ""}) {
    INFO(ip);
    CHECK(whyForbidden(ip, rules));
  }
  for (const auto* ip : {"10.96.0.2", "192.168.1.1", "8.8.8.8", "2001:db8::1", "fd00::2", "::ffff:10.0.0.1"}) {
    INFO(ip);
    CHECK_FALSE(whyForbidden(ip, rules));
  }
  rules.loopback = true;
  CHECK_FALSE(whyForbidden("127.0.0.1", rules));
  CHECK_FALSE(whyForbidden("::1", rules));
  CHECK(whyForbidden("169.254.169.254", rules));
}

}  // namespace
}  // namespace fairway::identity
