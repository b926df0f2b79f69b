#include "net/http_server.h"

#include <gmock/gmock.h>

#include <condition_variable>
#include <thread>

#include "net/test_support.h"

namespace serin::net {
namespace {

using namespace testing;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";

ServerOptions impatient() {
  ServerOptions options;
  options.header_timeout = 50ms;
  options.body_timeout = 50ms;
  options.idle_timeout = 50ms;
  return options;
}

TEST(HttpServer, KeepsTheConnectionAndAnswersPipelinedRequestsInOrder) {
  auto server = serve({}, echo);
  RawClient client(server->port());
  std::string batch;
  for (int i = 0; i < 500; ++i)
    batch += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\n\r\n";
  batch += "GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  ASSERT_TRUE(client.send(batch));
  std::string all = client.read_all();
  size_t at = 0;
  for (int i = 0; i < 500; ++i) {
    at = all.find("GET /" + std::to_string(i) + " 0", at);
    ASSERT_NE(at, std::string::npos) << i;
  }
  EXPECT_THAT(all, EndsWith("GET /last 0 "));
  EXPECT_THAT(all, HasSubstr("Connection: close\r\n"));
}

TEST(HttpServer, PipelinedRequestsWaitForAnAnswerGivenLater) {
  std::promise<std::unique_ptr<Responder>> first;
  std::atomic<int> seen{0};
  auto server = serve({}, [&](Request request, std::unique_ptr<Responder> responder) {
    ++seen;
    if (request.path == "/slow")
      first.set_value(std::move(responder));
    else
      echo(std::move(request), std::move(responder));
  });
  RawClient client(server->port());
  client.send(
      "GET /slow HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\nConnection: "
      "close\r\n\r\n");
  auto responder = first.get_future().get();
  EXPECT_EQ(seen, 1);
  Response response;
  response.body = "slow one";
  responder->send(std::move(response));
  std::string all = client.read_all();
  EXPECT_LT(all.find("slow one"), all.find("GET /b"));
  EXPECT_EQ(seen, 2);
}

TEST(HttpServer, ReadsBytesThatComeOneAtATime) {
  auto server = serve({}, echo);
  RawClient client(server->port());
  for (char c : std::string("POST /p?q=1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
                            "chunked\r\nConnection: close\r\n\r\n"
                            "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"))
    ASSERT_TRUE(client.send(std::string_view(&c, 1)));
  EXPECT_THAT(client.read_all(), EndsWith("POST /p 11 "));
}

TEST(HttpServer, AnswersExpectContinue) {
  auto server = serve({}, echo);
  RawClient client(server->port());
  client.send(
      "PUT /p HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\nConnection: "
      "close\r\n\r\n");
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("abc");
  EXPECT_THAT(client.read_all(), EndsWith("PUT /p 3 "));
}

TEST(HttpServer, HeadGetsTheLengthWithoutTheBody) {
  auto server = serve({}, echo);
  RawClient client(server->port());
  client.send("HEAD /h HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  std::string all = client.read_all();
  EXPECT_THAT(all, HasSubstr("Content-Length: 10\r\n"));
  EXPECT_THAT(all, EndsWith("\r\n\r\n"));
}

struct Refusal {
  std::string request;
  std::string status;
};
class Refused : public ::testing::TestWithParam<Refusal> {};

TEST_P(Refused, WithAStatusAndTheConnectionIsClosed) {
  ServerOptions options;
  options.max_header_bytes = 2000;
  options.max_body_bytes = 100;
  auto server = serve(options, echo);
  RawClient client(server->port());
  client.send(GetParam().request);
  std::string all = client.read_until("}\n");
  EXPECT_THAT(all, StartsWith("HTTP/1.1 " + GetParam().status));
  EXPECT_THAT(all, HasSubstr(R"("kind":"Status")"));
  EXPECT_THAT(all, HasSubstr("Connection: close\r\n"));
  ::shutdown(client.fd(), SHUT_WR);
  EXPECT_EQ(client.read_all(), "");
}

INSTANTIATE_TEST_SUITE_P(
    HttpServer, Refused,
    ::testing::Values(
        Refusal{"GET /a HTTP/1.1\r\nHost: x\r\nX: " + std::string(3000, 'x') + "\r\n\r\n", "431"},
        Refusal{"PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n", "413"},
        Refusal{"PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\nExpect: 100-continue\r\n\r\n",
                "413"},
        Refusal{"PUT /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n70\r\n" +
                    std::string(0x70, 'x') + "\r\n",
                "413"},
        Refusal{"nonsense\r\n\r\n", "400"}, Refusal{"GET a HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
        Refusal{"GET /a HTTP/1.1\r\n\r\n", "400"},
        Refusal{
            "GET /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "400"},
        Refusal{"GET /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "501"}));

TEST(HttpServer, DroppedAndThrowingHandlersAnswer500) {
  auto server = serve({}, [](Request request, std::unique_ptr<Responder>) {
    if (request.path == "/throw") throw std::runtime_error("oops");
  });
  auto client = client_for(*server);
  for (const char* path : {"/drop", "/throw"}) {
    auto response = client->send(get(path), kLong);
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->status, 500);
    EXPECT_THAT(response->body, HasSubstr("InternalError"));
  }
}

TEST(HttpServer, SlowClientsAreLetGo) {
  auto server = serve(impatient(), echo);
  RawClient silent(server->port());
  EXPECT_EQ(silent.read_all(), "");
  RawClient half_a_head(server->port());
  half_a_head.send("GET / HT");
  EXPECT_THAT(half_a_head.read_until("}\n"), StartsWith("HTTP/1.1 408"));
  RawClient half_a_body(server->port());
  half_a_body.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab");
  EXPECT_THAT(half_a_body.read_until("}\n"), StartsWith("HTTP/1.1 408"));
  RawClient idle(server->port());
  idle.send(kGet);
  EXPECT_THAT(idle.read_all(), EndsWith("GET /a 0 "));
}

TEST(HttpServer, AHandlerMayTakeLongerThanAnyTimeout) {
  std::promise<std::unique_ptr<Responder>> held;
  auto server = serve(impatient(), [&](Request request, std::unique_ptr<Responder> responder) {
    if (request.path == "/a") held.set_value(std::move(responder));
  });
  RawClient client(server->port());
  client.send(kGet);
  auto responder = held.get_future().get();
  RawClient witness(server->port());  // is let go by a later look at the deadlines
  EXPECT_EQ(witness.read_all(), "");
  Response response;
  response.body = "at last";
  responder->send(std::move(response));
  EXPECT_THAT(client.read_until("at last"), EndsWith("at last"));
}

TEST(HttpServer, ManyConnectionsAreBounded) {
  ServerOptions options;
  options.max_connections = 2;
  auto server = serve(options, echo);
  RawClient a(server->port()), b(server->port());
  a.send(kGet);
  b.send(kGet);
  a.read_until("/a 0 ");
  b.read_until("/a 0 ");
  RawClient c(server->port());
  EXPECT_EQ(c.read_all(), "");
}

TEST(HttpServer, SharedBodiesAndLargeOnesArriveWhole) {
  auto shared = std::make_shared<const std::string>(5 << 20, 's');
  auto server = serve(tls_server(), [&](Request, std::unique_ptr<Responder> responder) {
    Response response;
    response.body = std::string(1 << 20, 'o');
    response.shared_body = shared;
    responder->send(std::move(response));
  });
  auto response = client_for(*server, true)->send(get("/"), kLong);
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, std::string(1 << 20, 'o') + *shared);
}

TEST(HttpServer, HeaderValuesCannotBreakTheHead) {
  auto server = serve({}, [](Request, std::unique_ptr<Responder> responder) {
    Response response;
    response.headers.add("Warning", "299 - \"a\r\nX-Evil: 1\"");
    responder->send(std::move(response));
  });
  auto response = client_for(*server)->send(get("/"), kLong);
  ASSERT_TRUE(response);
  EXPECT_FALSE(response->headers.has("X-Evil"));
}

TEST(HttpServer, ThePortInUseIsNamed) {
  auto server = serve({}, echo);
  ServerOptions options;
  options.port = server->port();
  auto second = HttpServer::start(options, echo);
  ASSERT_TRUE(failed_with(second, Code::kConflict));
  EXPECT_THAT(second.error().message, HasSubstr(std::to_string(server->port())));
}

TEST(HttpServer, AnswersAfterItsEndAreHarmless) {
  std::promise<std::unique_ptr<Responder>> held, held_stream;
  auto server = serve({}, [&](Request request, std::unique_ptr<Responder> responder) {
    (request.path == "/a" ? held : held_stream).set_value(std::move(responder));
  });
  RawClient a(server->port()), b(server->port());
  a.send(kGet);
  b.send("GET /b HTTP/1.1\r\nHost: x\r\n\r\n");
  auto responder = held.get_future().get();
  auto stream_responder = held_stream.get_future().get();
  server.reset();
  EXPECT_EQ(a.read_all(), "");
  responder->send({});
  auto stream = stream_responder->stream({});
  EXPECT_FALSE(stream->write(std::make_shared<const std::string>("x")));
  bool closed = false;
  stream->on_closed([&] { closed = true; });
  EXPECT_TRUE(closed);
}

TEST(HttpServer, PlainHttpToATlsPortIsToldSo) {
  auto server = serve(tls_server(), echo);
  RawClient client(server->port());
  client.send(kGet);
  EXPECT_THAT(client.read_all(), HasSubstr("HTTP request to an HTTPS server"));
}

}  // namespace
}  // namespace serin::net
