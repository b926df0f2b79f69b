/// HTTP/1 peers that are slow, or say one thing and mean another. What HTTP/2 adds of this kind is in
/// http2/http2_session_test.cc.

#include <gmock/gmock.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "net/test_support.h"

namespace serin::net {
namespace {

using namespace testing;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// Resident memory of this process, in bytes.
size_t resident() {
  std::ifstream file("/proc/self/statm");
  size_t total = 0, pages = 0;
  file >> total >> pages;
  return pages * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

struct Lie {
  const char* what;
  std::string bytes;
  int status;  // of the one answer
};

class Lying : public ::testing::TestWithParam<Lie> {};

/// Each is refused, is the last request of its connection, and never reaches the handler as two.
TEST_P(Lying, IsRefusedAndTheConnectionEnds) {
  std::atomic<int> handled{0};
  auto server = serve({}, [&](Request request, std::unique_ptr<Responder> responder) {
    ++handled;
    echo(std::move(request), std::move(responder));
  });
  RawClient client(server->port());
  client.send(GetParam().bytes + "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n");
  ::shutdown(client.fd(), SHUT_WR);
  std::string all = client.read_all();
  EXPECT_THAT(all, StartsWith("HTTP/1.1 " + std::to_string(GetParam().status))) << GetParam().what;
  EXPECT_EQ(all.find("\r\n\r\n"), all.rfind("\r\n\r\n")) << GetParam().what;
  EXPECT_EQ(all.find("smuggled"), std::string::npos);
  EXPECT_EQ(handled, 0);
  EXPECT_TRUE(client_for(*server)->send(get("/"), kLong));
}

std::string post(const std::string& fields, const std::string& body) {
  return "POST /a HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n" + body;
}

void PrintTo(const Lie& lie, std::ostream* out) { *out << lie.what; }

INSTANTIATE_TEST_SUITE_P(
    SmugglingShapes, Lying,
    ::testing::Values(
        Lie{"length and chunked", post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400},
        Lie{"chunked and length", post("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "0\r\n\r\n"), 400},
        Lie{"two lengths", post("Content-Length: 3\r\nContent-Length: 4\r\n", "abcd"), 400},
        Lie{"a list of lengths", post("Content-Length: 3, 4\r\n", "abcd"), 400},
        Lie{"a signed length", post("Content-Length: +3\r\n", "abc"), 400},
        Lie{"a negative length", post("Content-Length: -3\r\n", "abc"), 400},
        Lie{"a length in hexadecimal", post("Content-Length: 0x3\r\n", "abc"), 400},
        Lie{"a length beyond 64 bits", post("Content-Length: 99999999999999999999\r\n", "abc"), 400},
        Lie{"a coding that is not chunked", post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"), 501},
        Lie{"chunked twice", post("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n"), 501},
        Lie{"a coding after chunked", post("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"), 501},
        Lie{"a space before the colon", post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"), 400},
        Lie{"a chunk size that is no number", post("Transfer-Encoding: chunked\r\n", "zz\r\n\r\n"), 400},
        Lie{"a negative chunk size", post("Transfer-Encoding: chunked\r\n", "-1\r\n\r\n"), 400},
        Lie{"a chunk size beyond 64 bits", post("Transfer-Encoding: chunked\r\n", "fffffffffffffffff\r\n\r\n"), 400},
        Lie{"a chunk size that wraps", post("Transfer-Encoding: chunked\r\n", "ffffffffffffffff\r\nx\r\n"), 413},
        Lie{"a chunk longer than its size", post("Transfer-Encoding: chunked\r\n", "1\r\nabc\r\n0\r\n\r\n"), 400},
        Lie{"a bare LF after a chunk size", post("Transfer-Encoding: chunked\r\n", "1\na\r\n0\r\n\r\n"), 400},
        Lie{"a folded field", post("X: a\r\n b\r\n", ""), 400},
        Lie{"a folded coding", post("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n"), 400},
        Lie{"a bare LF in the head", "GET /a HTTP/1.1\nHost: x\n\n", 505},
        Lie{"a bare CR in a value", post("X: a\rb\r\n", ""), 400},
        Lie{"a NUL in a value", "GET /a HTTP/1.1\r\nHost: x\r\nX: " + std::string("a\0b", 3) + "\r\n\r\n", 400},
        Lie{"a NUL in the path", "GET /" + std::string("a\0b", 3) + " HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        Lie{"a field without a name", post(": a\r\n", ""), 400}, Lie{"a field without a colon", post("X\r\n", ""), 400},
        Lie{"two hosts", post("Host: y\r\n", ""), 400}, Lie{"HTTP/2.0 by hand", "GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505},
        Lie{"no version", "GET /\r\n\r\n", 400},
        Lie{"a head without end", "GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(100'000, 'x'), 431},
        Lie{"fields without end", [] {
              std::string all = "GET / HTTP/1.1\r\nHost: x\r\n";
              for (int i = 0; i < 10'000; ++i) all += "X: " + std::to_string(i) + "\r\n";
              return all;
            }(), 431}));

TEST(PathTricks, NeverReachTheHandler) {
  std::atomic<int> handled{0};
  auto server = serve({}, [&](Request request, std::unique_ptr<Responder> responder) {
    ++handled;
    echo(std::move(request), std::move(responder));
  });
  auto client = client_for(*server);
  for (const char* path :
       {"/a/../b", "/..", "/a/..", "/./a", "/a/.", "/%2e%2e/b", "/a/.%2E/b", "/a%2fb", "/a%2Fb", "/a%5cb", "/a%00b",
        "/a%0ab", "/a%7f", "/a%", "/a%4", "/a%g0", "/a%%32%66"}) {
    auto answer = client->send(get(path), kLong);
    ASSERT_TRUE(answer) << path;
    EXPECT_EQ(answer->status, 400) << path;
    EXPECT_THAT(answer->body, HasSubstr(R"("reason":"BadRequest")"));
  }
  EXPECT_EQ(handled, 0);
  for (const char* path : {"/a..b", "/...", "/a.b/c", "/%41", "/system:x", "/a%20b", "/a//b", "/%C3%BC"}) {
    auto answer = client->send(get(path), kLong);
    ASSERT_TRUE(answer) << path;
    EXPECT_EQ(answer->status, 200) << path;
  }
}

TEST(Slow, DripsInHeadAndBodyDoNotStretchTheTimeout) {
  ServerOptions options;
  options.header_timeout = options.body_timeout = 100ms;
  auto server = serve(options, echo);
  for (std::string begin : {std::string("GET / HTTP/1.1\r\n"), post("Content-Length: 100000\r\n", "")}) {
    RawClient client(server->port());
    client.send(begin);
    std::atomic<bool> over{false};
    std::thread drip([&] {
      while (!over && client.send("x")) std::this_thread::sleep_for(5ms);
    });
    std::string all = client.read_all();
    over = true;
    drip.join();
    EXPECT_THAT(all, StartsWith("HTTP/1.1 408"));
  }
}

TEST(Slow, ManyReadersThatNeverReadHoldNoMoreThanTheirAnswers) {
  auto body = std::make_shared<const std::string>(8 << 20, 'x');
  auto server = serve({}, [&](Request, std::unique_ptr<Responder> responder) {
    Response response;
    response.shared_body = body;
    responder->send(std::move(response));
  });
  size_t before = resident();
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 200; ++i) {
    clients.push_back(std::make_unique<RawClient>(server->port()));
    // More requests than will ever be answered: they must wait in the kernel.
    for (int r = 0; r < 20; ++r) clients.back()->send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  for (auto& client : clients) client->read_until("\r\n\r\n");
  EXPECT_LT(resident(), before + (32 << 20));
  EXPECT_TRUE(client_for(*server)->send(get("/"), kLong));
}

TEST(Slow, AClaimedLengthTakesNoMemory) {
  ServerOptions options;
  options.max_body_bytes = 64 << 20;
  auto server = serve(options, echo);
  size_t before = resident();
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 100; ++i) {
    clients.push_back(std::make_unique<RawClient>(server->port()));
    clients.back()->send(post("Content-Length: 60000000\r\nExpect: 100-continue\r\n", ""));
    clients.back()->read_until("\r\n\r\n");
  }
  EXPECT_LT(resident(), before + (64 << 20));
}

TEST(CompressedRequests, AreRefusedAs415) {
  auto server = serve({}, echo);
  auto client = client_for(*server);
  for (const char* coding : {"gzip", "GZIP", "deflate", "br", "gzip, gzip"}) {
    Request request = get("/");
    request.method = "POST";
    request.headers.add("Content-Encoding", coding);
    request.body = "packed";
    EXPECT_EQ(client->send(request, kLong)->status, 415) << coding;
  }
  Request plain = get("/");
  plain.headers.add("Content-Encoding", "identity");
  EXPECT_EQ(client->send(plain, kLong)->status, 200);
}

}  // namespace
}  // namespace serin::net
