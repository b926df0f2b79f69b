#include "net/server/compressor.h"

#include <gmock/gmock.h>
#include <zlib.h>

#include "net/http2/testing/http2_client.h"

namespace serin::net {
namespace {

using namespace testing;

std::string gunzip(const std::string& packed) {
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  std::string out;
  char buffer[65536];
  int result = Z_OK;
  while (result == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer);
    stream.avail_out = sizeof buffer;
    result = inflate(&stream, Z_NO_FLUSH);
    out.append(buffer, sizeof buffer - stream.avail_out);
  }
  EXPECT_EQ(result, Z_STREAM_END);
  inflateEnd(&stream);
  return out;
}

std::string text(size_t size) {
  std::string out;
  for (unsigned i = 0; out.size() < size; ++i) out += "{\"name\":\"object-" + std::to_string(i * 7919) + "\"},";
  out.resize(size);
  return out;
}

TEST(AcceptsGzip, ByNameOrStarWithAQualityAboveZero) {
  struct Case {
    const char* header;
    bool accepts;
  };
  for (const Case& c : std::initializer_list<Case>{{"gzip", true},
                                                   {"GZIP", true},
                                                   {"x-gzip", true},
                                                   {"deflate, gzip;q=1.0, *;q=0.5", true},
                                                   {"gzip ; q=0.001", true},
                                                   {"*", true},
                                                   {"", false},
                                                   {"identity", false},
                                                   {"deflate, br", false},
                                                   {"gzip;q=0", false},
                                                   {"gzip;q=0.000", false},
                                                   {"*;q=0", false},
                                                   {"gzip;q=0, *", false},
                                                   {"*;q=0, gzip", true},
                                                   {"notgzip", false}}) {
    Headers headers;
    headers.add("accept-encoding", c.header);
    EXPECT_EQ(accepts_gzip(headers), c.accepts) << c.header;
  }
  Headers none;
  EXPECT_FALSE(accepts_gzip(none));
  none.add("Accept-Encoding", "br");
  none.add("Accept-Encoding", "gzip");
  EXPECT_TRUE(accepts_gzip(none));
}

TEST(Compressed, BothPartsOfABodyComeBackAsTheyWere) {
  for (size_t size : {size_t{1}, size_t{200'000}, size_t{5} << 20}) {
    Response response;
    response.body = text(size);
    response.shared_body = std::make_shared<const std::string>(text(size / 3));
    std::string before = response.body + *response.shared_body;
    Response packed = compressed(std::move(response));
    if (!packed.headers.has("Content-Encoding")) continue;  // one byte does not get shorter
    EXPECT_EQ(packed.headers.get("Content-Encoding"), "gzip");
    EXPECT_LT(packed.body.size(), before.size() / 3);
    EXPECT_EQ(gunzip(packed.body), before);
  }
}

/// Answers with as many bytes as the path says.
void sized(Request request, std::unique_ptr<Responder> responder) {
  Response response;
  response.body = text(std::stoul(request.path.substr(1)));
  if (request.has_parameter("packed")) response.headers.add("Content-Encoding", "br");
  responder->send(std::move(response));
}

TEST(Gzip, LargeBodiesOnBothProtocolsWhereTheClientAcceptsIt) {
  auto server = serve({}, sized);
  Http2Client http2(server->port());
  auto http1 = client_for(*server);
  struct Case {
    size_t size;
    const char* accept;
    bool packed;
    bool vary;
  };
  for (const Case& c : std::initializer_list<Case>{{131'072, "gzip", false, false},
                                                   {131'073, "gzip", true, true},
                                                   {131'073, "gzip;q=0", false, true},
                                                   {131'073, "", false, true},
                                                   {3 << 20, "deflate, gzip", true, true}}) {
    std::string path = "/" + std::to_string(c.size);
    Request request = get(path);
    request.headers.add("Accept-Encoding", c.accept);
    auto one = http1->send(request, kLong);
    ASSERT_TRUE(one);
    const auto& two = http2.wait(http2.submit("GET", path, {{"accept-encoding", c.accept}}));
    auto check = [&](const Headers& headers, const std::string& body) {
      EXPECT_EQ(headers.get("Content-Encoding") == "gzip", c.packed);
      EXPECT_EQ(headers.get("Vary") == "Accept-Encoding", c.vary);
      EXPECT_EQ(headers.get("Content-Length"), std::to_string(body.size()));
      EXPECT_EQ(c.packed ? gunzip(body) : body, text(c.size));
    };
    check(one->headers, one->body);
    check(two.headers, two.body);
  }
  Request coded = get("/200000");
  coded.query = "packed=1";
  coded.headers.add("Accept-Encoding", "gzip");
  EXPECT_EQ(http1->send(coded, kLong)->body, text(200'000));
}

TEST(Gzip, OtherRequestsOfTheConnectionDoNotWaitForIt) {
  ServerOptions options;
  options.threads = 1;
  auto server = serve(options, sized);
  Http2Client client(server->port());
  int32_t large = client.submit("GET", "/8000000", {{"accept-encoding", "gzip"}});
  int32_t small = client.get("/10");
  EXPECT_EQ(client.wait(small).body.size(), 10u);
  EXPECT_FALSE(client.answers[large].ended);
  EXPECT_EQ(gunzip(client.wait(large).body).size(), 8'000'000u);
}

TEST(Compressor, WhatWaitsAtItsEndIsDropped) {
  Compressor compressor;
  std::atomic<int> done{0};
  std::string body = text(1 << 20);
  for (int i = 0; i < 50; ++i) {
    Response response;
    response.body = body;
    compressor.compress(std::move(response), [&](Response) { ++done; });
  }
  compressor.stop();
  EXPECT_LT(done, 50);
  compressor.compress({}, [&](Response response) { EXPECT_FALSE(response.headers.has("Content-Encoding")); });
}

}  // namespace
}  // namespace serin::net
