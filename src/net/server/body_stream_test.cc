#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "net/test_support.h"

namespace serin::net {
namespace {

using namespace testing;
using ::testing::EndsWith;
using ::testing::HasSubstr;

SharedBytes bytes(std::string text) { return std::make_shared<const std::string>(std::move(text)); }

/// A server whose only stream is handed to the test.
struct StreamServer {
  std::promise<std::shared_ptr<BodyStream>> promise;
  std::unique_ptr<HttpServer> server;

  explicit StreamServer(ServerOptions options = {}) {
    server = serve(std::move(options), [this](Request, std::unique_ptr<Responder> responder) {
      promise.set_value(responder->stream({}));
    });
  }
  std::shared_ptr<BodyStream> stream() { return promise.get_future().get(); }
};

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

TEST(BodyStream, SendsChunksAndEndsProperly) {
  StreamServer server;
  RawClient client(server.server->port());
  client.send(kGet);
  auto stream = server.stream();
  EXPECT_THAT(client.read_until("\r\n\r\n"), HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_TRUE(stream->write(bytes("hello")));
  EXPECT_EQ(client.read_until("hello\r\n"), "5\r\nhello\r\n");
  EXPECT_TRUE(stream->write(bytes("")));  // says nothing, and must not end the body
  stream->write(bytes("x"));
  stream->finish();
  EXPECT_EQ(client.read_until("0\r\n\r\n"), "1\r\nx\r\n0\r\n\r\n");
  EXPECT_FALSE(stream->write(bytes("late")));
}

TEST(BodyStream, TheConnectionServesOnAfterwards) {
  std::atomic<int> requests{0};
  auto server = serve({}, [&](Request, std::unique_ptr<Responder> responder) {
    ++requests;
    Response response;
    response.body = "first";
    auto stream = responder->stream(std::move(response));
    stream->write(bytes("second"));
    stream->finish();
  });
  RawClient client(server->port());
  for (int i = 0; i < 3; ++i) {
    client.send(kGet);
    EXPECT_THAT(client.read_until("0\r\n\r\n"), EndsWith("5\r\nfirst\r\n6\r\nsecond\r\n0\r\n\r\n"));
  }
  EXPECT_EQ(requests, 3);
}

TEST(BodyStream, CountsWhatASlowReaderLeavesAndSaysWhenItIsGone) {
  for (bool tls : {false, true}) {
    StreamServer server(tls ? tls_server() : ServerOptions{});
    auto client = client_for(*server.server, tls);
    auto response = client->stream(get("/"), kLong);
    ASSERT_TRUE(response) << response.error().message;
    auto stream = server.stream();
    std::promise<void> drained;
    stream->on_drained([&] { drained.set_value(); });  // a second call would throw
    constexpr size_t kSize = 48 << 20;
    ASSERT_TRUE(stream->write(bytes(std::string(kSize, 'p'))));
    EXPECT_GT(stream->pending(), 1u << 20);  // the kernel takes a few MiB only
    auto empty = drained.get_future();
    EXPECT_EQ(empty.wait_for(0s), std::future_status::timeout);
    size_t got = 0;
    while (got < kSize) {
      auto piece = response->body->read(kLong);
      ASSERT_TRUE(piece && *piece);
      got += (*piece)->size();
    }
    empty.get();
    EXPECT_EQ(stream->pending(), 0u);
    stream->finish();
    EXPECT_TRUE(failed_with(response->body->read(kLong), Code::kGone));
  }
}

TEST(BodyStream, AReaderThatTakesNothingIsLetGo) {
  ServerOptions options;
  options.idle_timeout = 50ms;
  StreamServer server(options);
  RawClient client(server.server->port());
  client.send(kGet);
  auto stream = server.stream();
  std::promise<void> closed;
  stream->on_closed([&] { closed.set_value(); });
  for (int i = 0; i < 32; ++i) stream->write(bytes(std::string(1 << 20, 'x')));
  EXPECT_EQ(closed.get_future().wait_for(kLong), std::future_status::ready);
  EXPECT_FALSE(stream->write(bytes("x")));
}

TEST(BodyStream, NoticesThatThePeerHasGone) {
  StreamServer server;
  auto client = std::make_unique<RawClient>(server.server->port());
  client->send(kGet);
  auto stream = server.stream();
  std::promise<void> closed;
  stream->on_closed([&] { closed.set_value(); });
  client.reset();
  EXPECT_EQ(closed.get_future().wait_for(kLong), std::future_status::ready);
  EXPECT_FALSE(stream->write(bytes("x")));
  EXPECT_EQ(stream->pending(), 0u);
}

TEST(BodyStream, AbortAndDroppingCutTheBodyShort) {
  for (bool abort : {true, false}) {
    StreamServer server;
    auto client = client_for(*server.server);
    auto response = client->stream(get("/"), kLong);
    ASSERT_TRUE(response);
    {
      auto stream = server.stream();
      if (abort) stream->abort();
    }
    EXPECT_TRUE(failed_with(response->body->read(kLong), Code::kUnavailable));
  }
}

TEST(BodyStream, ManyWritersOneStream) {
  StreamServer server(tls_server());
  auto client = client_for(*server.server, true);
  auto response = client->stream(get("/"), kLong);
  ASSERT_TRUE(response);
  auto stream = server.stream();
  std::vector<std::thread> writers;
  for (int w = 0; w < 8; ++w)
    writers.emplace_back([&, w] {
      for (int i = 0; i < 500; ++i)
        stream->write(bytes(std::string(1, static_cast<char>('a' + w)) + std::to_string(i) + "\n"));
    });
  for (std::thread& writer : writers) writer.join();
  stream->finish();
  std::string all;
  for (;;) {
    auto piece = response->body->read(kLong);
    if (!piece) {
      EXPECT_EQ(piece.error().code, Code::kGone);
      break;
    }
    ASSERT_TRUE(*piece);
    all += **piece;
  }
  std::array<int, 8> next{};
  size_t from = 0;
  while (from < all.size()) {
    size_t end = all.find('\n', from);
    ASSERT_NE(end, std::string::npos);
    size_t writer = static_cast<size_t>(all[from] - 'a');
    EXPECT_EQ(std::stoi(all.substr(from + 1, end - from - 1)),
              next[writer]++);  // each writer's order is kept
    from = end + 1;
  }
  for (int count : next) EXPECT_EQ(count, 500);
}

}  // namespace
}  // namespace serin::net
