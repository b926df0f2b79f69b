#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "net/http2/testing/http2_client.h"

namespace serin::net {
namespace {

using namespace testing;
using ::testing::HasSubstr;

enum FrameType : uint8_t { kData, kHeaders, kPriority, kReset, kSettings, kPush, kPing, kGoaway, kWindow, kContinuation };
constexpr uint8_t kEndStream = 1, kEndHeaders = 4;

std::string opening() { return std::string(kPreface) + frame(kSettings, 0, 0, ""); }

/// The error code of the last GOAWAY before the server closed; -1: there was none.
int goaway_of(RawClient& client) {
  std::string all = client.read_all();
  int error = -1;
  for (size_t at = 0; at + 9 <= all.size();) {
    auto byte = [&](size_t i) { return static_cast<uint8_t>(all[at + i]); };
    size_t size = byte(0) << 16 | byte(1) << 8 | byte(2);
    if (byte(3) == kGoaway) error = byte(16);
    at += 9 + size;
  }
  return error;
}

struct Held {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::unique_ptr<Responder>> responders;
  std::vector<Request> requests;

  Handler handler() {
    return [this](Request request, std::unique_ptr<Responder> responder) {
      std::lock_guard lock(mutex);
      requests.push_back(std::move(request));
      responders.push_back(std::move(responder));
      changed.notify_all();
    };
  }
  void wait_for(size_t count) {
    std::unique_lock lock(mutex);
    EXPECT_TRUE(changed.wait_for(lock, kLong, [&] { return responders.size() >= count; }));
  }
};

Response with_body(std::string body) {
  Response response;
  response.body = std::move(body);
  return response;
}

TEST(Http2, AnswersManyRequestsAtOnceInAnyOrder) {
  Held held;
  auto server = serve({}, held.handler());
  Http2Client client(server->port());
  std::vector<int32_t> ids;
  for (int i = 0; i < 200; ++i) ids.push_back(client.get("/r" + std::to_string(i) + "?q=1"));
  client.flush();
  held.wait_for(200);
  for (size_t i = 200; i-- > 0;) held.responders[i]->send(with_body(held.requests[i].path));
  for (int i = 0; i < 200; ++i) EXPECT_EQ(client.wait(ids[i]).body, "/r" + std::to_string(i));
  EXPECT_EQ(held.requests[0].query, "q=1");
  EXPECT_EQ(held.requests[0].headers.get("Host"), "x");
}

TEST(Http2, RequestBodiesOfAnySizeArriveWhole) {
  auto server = serve({}, echo);
  Http2Client client(server->port());
  for (size_t size : {1u, 70000u, 3u << 20}) {
    int32_t id = client.submit("POST", "/p", {}, std::string(size, 'b'));
    EXPECT_EQ(client.wait(id).body, "POST /p " + std::to_string(size) + " ");
  }
}

TEST(Http2, LargeAndSharedBodiesArriveWholeThroughSmallWindows) {
  auto shared = std::make_shared<const std::string>(5 << 20, 's');
  auto server = serve({}, [&](Request, std::unique_ptr<Responder> responder) {
    Response response = with_body(std::string(100'000, 'o'));
    response.shared_body = shared;
    responder->send(std::move(response));
  });
  Http2Client client(server->port(), {.window = 1000});
  int32_t a = client.get("/a"), b = client.get("/b");
  EXPECT_EQ(client.wait(a).body, std::string(100'000, 'o') + *shared);
  EXPECT_EQ(client.wait(b).body.size(), 100'000 + shared->size());
  EXPECT_EQ(client.answers[a].headers.get("content-length"), std::to_string(100'000 + shared->size()));
}

TEST(Http2, HeadAndEmptyAnswersHaveNoBody) {
  auto server = serve({}, [](Request request, std::unique_ptr<Responder> responder) {
    Response response = with_body("body");
    if (request.path == "/204") response.status = 204;
    if (request.path == "/stream") responder->stream(std::move(response))->finish();
    else responder->send(std::move(response));
  });
  Http2Client client(server->port());
  EXPECT_EQ(client.wait(client.submit("HEAD", "/h")).body, "");
  EXPECT_EQ(client.answers[1].headers.get("content-length"), "4");
  EXPECT_EQ(client.wait(client.get("/204")).status, 204);
  EXPECT_EQ(client.wait(client.submit("HEAD", "/stream")).status, 200);
  EXPECT_EQ(client.wait(client.get("/stream")).body, "body");
}

TEST(Http2, ConnectionFieldsStayBehindAndValuesCannotBreakTheHead) {
  auto server = serve({}, [](Request, std::unique_ptr<Responder> responder) {
    Response response;
    response.headers.add("Connection", "close");
    response.headers.add("Transfer-Encoding", "chunked");
    response.headers.add("Warning", "299 - \"a\r\nX-Evil: 1\"");
    responder->send(std::move(response));
  });
  Http2Client client(server->port());
  const auto& answer = client.wait(client.get("/"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_FALSE(answer.headers.has("connection") || answer.headers.has("transfer-encoding"));
  EXPECT_THAT(std::string(answer.headers.get("warning")), HasSubstr("X-Evil"));
}

TEST(Http2, ExpectContinueIsAnswered) {
  auto server = serve({}, echo);
  Http2Client client(server->port());
  int32_t id = client.submit("PUT", "/p", {{"expect", "100-continue"}}, "body");
  EXPECT_EQ(client.wait(id).status, 200);
  EXPECT_EQ(client.informational, 1);
}

// ---- streams ----

TEST(Http2, AStreamSendsPieceByPieceAndEnds) {
  std::promise<std::shared_ptr<BodyStream>> promise;
  auto server = serve({}, [&](Request, std::unique_ptr<Responder> responder) {
    promise.set_value(responder->stream(with_body("first ")));
  });
  Http2Client client(server->port());
  int32_t id = client.get("/");
  client.run([&] { return client.answers[id].body == "first "; });
  auto stream = promise.get_future().get();
  stream->write(std::make_shared<const std::string>("second "));
  client.run([&] { return client.answers[id].body == "first second "; });
  stream->finish();
  EXPECT_EQ(client.wait(id).error, 0u);
  EXPECT_FALSE(stream->write(std::make_shared<const std::string>("late")));
  EXPECT_EQ(stream->pending(), 0u);
}

TEST(Http2, AnAbortedStreamIsResetAndTheConnectionGoesOn) {
  auto server = serve({}, [&](Request request, std::unique_ptr<Responder> responder) {
    if (request.path == "/ok") return echo(std::move(request), std::move(responder));
    auto stream = responder->stream(with_body("part"));
    if (request.path == "/abort") stream->abort();
  });
  Http2Client client(server->port());
  for (const char* path : {"/abort", "/dropped"}) EXPECT_NE(client.wait(client.get(path)).error, 0u) << path;
  EXPECT_EQ(client.wait(client.get("/ok")).status, 200);
}

TEST(Http2, AStreamLearnsThatItsPeerHasGone) {
  for (bool reset : {true, false}) {
    std::promise<std::shared_ptr<BodyStream>> promise;
    auto server =
        serve({}, [&](Request, std::unique_ptr<Responder> responder) { promise.set_value(responder->stream({})); });
    auto client = std::make_unique<Http2Client>(server->port());
    int32_t id = client->get("/");
    client->flush();
    auto stream = promise.get_future().get();
    std::promise<void> closed;
    stream->on_closed([&] { closed.set_value(); });
    if (reset) {
      client->reset(id);
      client->flush();
    } else {
      client.reset();
    }
    EXPECT_EQ(closed.get_future().wait_for(kLong), std::future_status::ready);
    EXPECT_FALSE(stream->write(std::make_shared<const std::string>("x")));
    EXPECT_EQ(stream->pending(), 0u);
  }
}

TEST(Http2, AStreamThatIsNotReadWaitsByItselfAndSaysHowMuch) {
  std::promise<std::shared_ptr<BodyStream>> promise;
  auto server = serve({}, [&](Request request, std::unique_ptr<Responder> responder) {
    if (request.path == "/watch") promise.set_value(responder->stream({}));
    else echo(std::move(request), std::move(responder));
  });
  Http2Client client(server->port(), {.window = 1000, .read_bodies = false});
  int32_t watch = client.get("/watch");
  client.flush();
  auto stream = promise.get_future().get();
  std::promise<void> drained;
  stream->on_drained([&] { drained.set_value(); });  // a second call would throw
  stream->write(std::make_shared<const std::string>(5000, 'w'));
  client.run([&] { return client.answers[watch].body.size() == 1000; });
  for (int i = 0; i < 20; ++i) {
    int32_t other = client.get("/other");
    EXPECT_EQ(client.wait(other).status, 200);
    client.consume(other, client.answers[other].body.size());
  }
  EXPECT_EQ(stream->pending(), 4000u);
  auto empty = drained.get_future();
  for (size_t got = 1000; got < 5000; got = client.answers[watch].body.size()) {
    client.consume(watch, 1000);
    client.run([&] { return client.answers[watch].body.size() > got; });
  }
  EXPECT_EQ(empty.wait_for(kLong), std::future_status::ready);
  EXPECT_EQ(stream->pending(), 0u);
}

TEST(Http2, AReaderThatTakesNothingIsLetGo) {
  ServerOptions options;
  options.idle_timeout = 50ms;
  auto server = serve(options, [](Request request, std::unique_ptr<Responder> responder) {
    responder->send(with_body(request.path == "/large" ? std::string(1 << 20, 'x') : "small"));
  });
  Http2Client client(server->port(), {.window = 1000, .read_bodies = false});
  int32_t large = client.get("/large");
  EXPECT_EQ(client.wait(large).error, static_cast<uint32_t>(NGHTTP2_CANCEL));
  EXPECT_EQ(client.answers[large].body.size(), 1000u);
}

TEST(Http2, ManyWritersOneConnection) {
  std::mutex mutex;
  std::vector<std::shared_ptr<BodyStream>> streams;
  std::atomic<int> open{0};
  auto server = serve({}, [&](Request, std::unique_ptr<Responder> responder) {
    std::lock_guard lock(mutex);
    streams.push_back(responder->stream({}));
    ++open;
  });
  Http2Client client(server->port());
  std::vector<int32_t> ids;
  for (int i = 0; i < 50; ++i) ids.push_back(client.get("/"));
  client.run([&] { return open == 50; });
  std::vector<std::thread> writers;
  for (int w = 0; w < 4; ++w)
    writers.emplace_back([&] {
      for (int i = 0; i < 100; ++i)
        for (const auto& stream : streams) stream->write(std::make_shared<const std::string>("0123456789"));
    });
  std::thread finisher([&] {
    for (std::thread& writer : writers) writer.join();
    for (const auto& stream : streams) stream->finish();
  });
  for (int32_t id : ids) EXPECT_EQ(client.wait(id).body.size(), 4000u);
  finisher.join();
}

// ---- refusals ----

TEST(Http2, WhatIsTooLargeOrOddGetsItsStatusAndTheConnectionGoesOn) {
  ServerOptions options;
  options.max_header_bytes = 2000;
  options.max_body_bytes = 100'000;
  auto server = serve(options, echo);
  Http2Client client(server->port());
  using Fields = Http2Client::Fields;
  auto status = [&](const std::string& method, const std::string& path, const Fields& fields, std::string body) {
    return client.wait(client.submit(method, path, fields, std::move(body))).status;
  };
  EXPECT_EQ(status("GET", "/", {{"x", std::string(2500, 'x')}}, ""), 431);
  EXPECT_EQ(status("PUT", "/", {{"content-length", "100001"}}, std::string(100'001, 'b')), 413);
  EXPECT_EQ(status("PUT", "/", {}, std::string(300'000, 'b')), 413);
  EXPECT_EQ(status("POST", "/", {{"content-encoding", "gzip"}}, "zip"), 415);
  for (const char* path : {"/a/../b", "/a/%2e%2E/b", "/a%2fb", "/a%5Cb", "/a%00b", "/a%zz", "/./a"})
    EXPECT_EQ(status("GET", path, {}, ""), 400) << path;
  EXPECT_EQ(status("PUT", "/", {}, std::string(100'000, 'b')), 200);
}

TEST(Http2, ABodyThatDoesNotComeIsAnswered408) {
  ServerOptions options;
  options.body_timeout = 50ms;
  auto server = serve(options, echo);
  Http2Client client(server->port());
  int32_t id = client.submit("POST", "/", {}, "half", true);
  EXPECT_EQ(client.wait(id).status, 408);
  EXPECT_EQ(client.wait(client.get("/")).status, 200);
}

TEST(Http2, SlowOpeningsHeadsAndIdleConnectionsAreLetGo) {
  ServerOptions options;
  options.header_timeout = 50ms;
  options.idle_timeout = 50ms;
  auto server = serve(options, echo);
  RawClient half_a_preface(server->port());
  half_a_preface.send(kPreface.substr(0, 10));
  EXPECT_EQ(half_a_preface.read_all(), "");
  RawClient no_settings(server->port());
  no_settings.send(kPreface);
  EXPECT_EQ(goaway_of(no_settings), -1);
  RawClient half_a_head(server->port());
  half_a_head.send(opening() + frame(kHeaders, kEndStream, 1, get_block("/")));  // continuations are to come
  EXPECT_EQ(goaway_of(half_a_head), NGHTTP2_ENHANCE_YOUR_CALM);
  RawClient half_a_frame(server->port());
  half_a_frame.send((opening() + frame(kHeaders, kEndStream | kEndHeaders, 1, get_block("/"))).substr(0, 50));
  EXPECT_EQ(goaway_of(half_a_frame), NGHTTP2_ENHANCE_YOUR_CALM);
  RawClient idle(server->port());
  idle.send(opening());
  EXPECT_EQ(goaway_of(idle), NGHTTP2_NO_ERROR);
}

TEST(Http2, AHandlerMayTakeLongerThanAnyTimeout) {
  ServerOptions options;
  options.header_timeout = options.body_timeout = options.idle_timeout = 50ms;
  Held held;
  auto server = serve(options, held.handler());
  Http2Client client(server->port());
  int32_t id = client.get("/");
  client.flush();
  held.wait_for(1);
  RawClient witness(server->port());  // is let go by a later look at the deadlines
  EXPECT_EQ(witness.read_all(), "");
  held.responders[0]->send(with_body("at last"));
  EXPECT_EQ(client.wait(id).body, "at last");
}

TEST(Http2, MoreStreamsThanAllowedAreRefused) {
  ServerOptions options;
  options.max_streams = 10;
  options.shutdown_grace = 0ms;
  Held held;
  auto server = serve(options, held.handler());
  RawClient client(server->port());
  std::string all = opening();
  for (uint32_t id = 1; id < 41; id += 2) all += frame(kHeaders, kEndStream | kEndHeaders, id, get_block("/"));
  client.send(all);
  held.wait_for(10);
  Http2Client witness(server->port());
  witness.get("/");
  witness.flush();
  held.wait_for(11);
  EXPECT_EQ(held.responders.size(), 11u);
}

TEST(Http2, RapidResetsKeepNoMoreThanTheAllowedHandlersBusyAndEndTheConnection) {
  ServerOptions options;
  options.max_streams = 20;
  options.shutdown_grace = 0ms;
  Held held;
  auto server = serve(options, held.handler());
  RawClient client(server->port());
  std::string attack = opening();
  for (uint32_t id = 1; id < 20'000; id += 2) {
    attack += frame(kHeaders, kEndStream | kEndHeaders, id, get_block("/"));
    attack += frame(kReset, 0, id, std::string_view("\0\0\0\x08", 4));
  }
  client.send(attack);
  EXPECT_EQ(goaway_of(client), NGHTTP2_ENHANCE_YOUR_CALM);
  EXPECT_LE(held.responders.size(), 20u);
  for (auto& responder : std::exchange(held.responders, {})) responder->send({});  // to nobody
  Http2Client after(server->port());
  after.get("/");
  after.flush();
  held.wait_for(1);
}

TEST(Http2, FloodsEndTheConnectionAndNothingElse) {
  auto server = serve({}, echo);
  auto repeat = [](const std::string& one, int times) {
    std::string all = opening();
    for (int i = 0; i < times; ++i) all += one;
    return all;
  };
  std::string continuations = opening() + frame(kHeaders, kEndStream, 1, get_block("/"));
  for (int i = 0; i < 10'000; ++i) continuations += frame(kContinuation, 0, 1, header_block({{"x", "y"}}));
  std::string open_stream = frame(kHeaders, kEndHeaders, 1, get_block("/"));
  for (const std::string& flood :
       {repeat(frame(kPing, 0, 0, "12345678"), 50'000), repeat(frame(kSettings, 0, 0, ""), 50'000),
        repeat(frame(kPriority, 0, 1, std::string_view("\0\0\0\0\x10", 5)), 50'000), continuations,
        opening() + open_stream + repeat(frame(kData, 0, 1, ""), 50'000).substr(opening().size())}) {
    RawClient client(server->port());
    client.send(flood);
    ::shutdown(client.fd(), SHUT_WR);
    goaway_of(client);  // the connection ends
    Http2Client after(server->port());
    EXPECT_EQ(after.wait(after.get("/a")).status, 200);
  }
}

// 12 KiB that would be read as 32 MiB: one long field in the table of HPACK, and thousands of references to it.
TEST(Http2, AHeadOfReferencesToOneLongFieldIsNotUnpacked) {
  Held held;
  auto server = serve({}, held.handler());
  std::string value(4000, 'v'), field("\x40\x01x\x7f", 4);
  for (size_t rest = value.size() - 127; ; rest >>= 7) {  // the length, as an integer with a prefix of 7 bits
    field += static_cast<char>(rest < 128 ? rest : (rest & 127) | 128);
    if (rest < 128) break;
  }
  RawClient client(server->port());
  client.send(opening() + frame(kHeaders, kEndStream | kEndHeaders, 1, get_block("/") + field + value + std::string(8000, '\xbe')));
  ::shutdown(client.fd(), SHUT_WR);
  client.read_all();
  EXPECT_TRUE(held.requests.empty());
  Http2Client after(server->port());
  after.get("/");
  after.flush();
  held.wait_for(1);
  EXPECT_TRUE(held.requests.front().headers.get("x").empty());
}

TEST(Http2, WhatIsNotHttp2EndsTheConnection) {
  auto server = serve({}, echo);
  for (const std::string& bytes :
       {std::string(kPreface) + "GET / HTTP/1.1\r\nHost: x\r\n\r\n" + std::string(64, 'x'),
        opening() + frame(kData, 0, 0, "data on no stream"), opening() + frame(kHeaders, kEndHeaders, 2, get_block("/")),
        opening() + frame(kHeaders, kEndHeaders | kEndStream, 1, "\xff\xff\xff\xff\xff\xff\xff"),
        opening() + frame(kWindow, 0, 0, std::string_view("\0\0\0\0", 4))}) {
    RawClient client(server->port());
    client.send(bytes);
    ::shutdown(client.fd(), SHUT_WR);
    goaway_of(client);
  }
  // nghttp2 checks the rules of requests: each of these is reset.
  for (const std::string& block :
       {header_block({{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {"Upper", "x"}}),
        header_block({{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {"connection", "close"}}),
        header_block({{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {"transfer-encoding", "chunked"}}),
        header_block({{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {"x", std::string("a\0b", 3)}}),
        header_block({{":method", "GET"}, {":scheme", "http"}, {":path", std::string("/a\0b", 4)}}),
        header_block({{":method", "GET"}, {":scheme", "http"}, {":path", "no-slash"}}),
        header_block({{":scheme", "http"}, {":path", "/"}})}) {
    RawClient client(server->port());
    client.send(opening() + frame(kHeaders, kEndHeaders | kEndStream, 1, block));
    std::string seen = client.read_until(std::string_view("\x04\x03\0\0\0\0\x01", 7));  // RST_STREAM on stream 1
    EXPECT_THAT(seen, ::testing::EndsWith(std::string("\x04\x03\0\0\0\0\x01", 7)));
  }
}

// ---- the end ----

TEST(Http2, TheEndOfTheServerIsAnnouncedAndWhatItTookIsAnswered) {
  Held held;
  auto server = serve({}, held.handler());
  Http2Client client(server->port());
  int32_t id = client.get("/");
  client.flush();
  held.wait_for(1);
  std::thread ending([&] { server.reset(); });
  client.run([&] { return client.went_away; });
  EXPECT_EQ(client.goaway_error, 0u);
  held.responders[0]->send(with_body("still"));
  EXPECT_EQ(client.wait(id).body, "still");
  ending.join();
}

TEST(Http2, AnswersAfterTheEndAreHarmless) {
  ServerOptions options;
  options.shutdown_grace = 0ms;
  Held held;
  auto server = serve(options, held.handler());
  Http2Client client(server->port());
  client.get("/a");
  client.get("/b");
  client.flush();
  held.wait_for(2);
  server.reset();
  held.responders[0]->send({});
  auto stream = held.responders[1]->stream({});
  EXPECT_FALSE(stream->write(std::make_shared<const std::string>("x")));
}

}  // namespace
}  // namespace serin::net
