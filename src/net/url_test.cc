#include "net/url.h"

#include <gtest/gtest.h>

#include "net/certificates.h"
#include "net/http.h"

namespace serin::net {
namespace {

TEST(Url, Splits) {
  Url url = parse_url("https://127.0.0.1:6443/clusters/work-1/?a=b").value();
  EXPECT_EQ(url.host, "127.0.0.1");
  EXPECT_EQ(url.port, 6443);
  EXPECT_EQ(url.path, "/clusters/work-1");
  EXPECT_EQ(url.query, "a=b");
  EXPECT_TRUE(url.tls());
  EXPECT_EQ(url.authority(), "127.0.0.1:6443");
}

TEST(Url, Defaults) {
  EXPECT_EQ(parse_url("http://Example.COM").value().authority(), "example.com");
  EXPECT_EQ(parse_url("http://example.com").value().port, 80);
  EXPECT_EQ(parse_url("example.com:8443").value().scheme, "https");
  EXPECT_EQ(parse_url("https://example.com?x").value().query, "x");
  Url v6 = parse_url("https://[::1]:8443").value();
  EXPECT_EQ(v6.host, "::1");
  EXPECT_EQ(v6.authority(), "[::1]:8443");
}

TEST(Url, RefusesWhatIsNone) {
  for (const char* bad :
       {"", "ftp://x", "https://", "https://:1", "https://x:0", "https://x:70000", "https://x:y",
        "https://[::1", "https://[::1]x", "https://u:p@x", "https://x/#f", "https://x/a b"})
    EXPECT_FALSE(parse_url(bad)) << bad;
}

TEST(Headers, NamesCompareWithoutCase) {
  Headers headers;
  headers.add("Content-Type", "a");
  headers.add("content-type", "b");
  EXPECT_EQ(headers.get("CONTENT-TYPE"), "a");
  headers.set("content-TYPE", "c");
  EXPECT_EQ(headers.all().size(), 1u);
}

TEST(Request, DecodesParameters) {
  Request request;
  request.query = "labelSelector=a%3Db%2Cc+d&watch&x=";
  EXPECT_EQ(request.parameter("labelSelector"), "a=b,c d");
  EXPECT_TRUE(request.has_parameter("watch"));
  EXPECT_FALSE(request.has_parameter("y"));
}

TEST(Certificates, ErrorsAndExpiry) {
  TimePoint now = SystemClock().now();
  KeyPair ca = make_ca("ca", now).value();
  EXPECT_TRUE(
      failed_with(issue(ca, {.common_name = "x", .ip_addresses = {"nowhere"}, .server = true}, now),
                  Code::kInvalid));
  EXPECT_TRUE(failed_with(issue({"no", "pem"}, {.common_name = "x"}, now), Code::kInvalid));
  KeyPair leaf =
      issue(ca, {.common_name = "x", .client = true, .valid_for = std::chrono::days(2)}, now)
          .value();
  EXPECT_LT(std::chrono::abs(validity(leaf.certificate_pem).value().until - now - std::chrono::days(2)),
            std::chrono::seconds(2));
  EXPECT_NE(leaf.certificate_pem,
            issue(ca, {.common_name = "x", .client = true}, now).value().certificate_pem);
}

}  // namespace
}  // namespace serin::net
