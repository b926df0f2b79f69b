#include "net/http_client.h"

#include <gmock/gmock.h>

#include <atomic>
#include <set>
#include <thread>

#include "net/test_support.h"

namespace serin::net {
namespace {

using namespace testing;
using ::testing::HasSubstr;

TEST(HttpClient, TlsWithAndWithoutAClientCertificate) {
  auto server = serve(tls_server(), echo);
  EXPECT_EQ(client_for(*server, true)->send(get("/x"), kLong).value().body, "GET /x 0 ");

  ClientOptions options{
      .host = "localhost", .port = server->port(), .ca_pem = certificates().ca.certificate_pem};
  options.certificate_pem = certificates().client.certificate_pem;
  options.key_pem = certificates().client.key_pem;
  auto client = HttpClient::create(options).value();
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(client->send(get("/x"), kLong).value().body, "GET /x 0 jane,system:masters,dev");
}

TEST(HttpClient, RefusesAServerItDoesNotTrust) {
  auto server = serve(tls_server(), echo);
  KeyPair other = make_ca("other", SystemClock().now()).value();
  ClientOptions options{
      .host = "127.0.0.1", .port = server->port(), .ca_pem = other.certificate_pem};
  auto refused = HttpClient::create(options).value()->send(get("/"), kLong);
  EXPECT_TRUE(failed_with(refused, Code::kUnauthorized)) << refused.error().message;

  options.ca_pem = certificates().ca.certificate_pem;
  options.server_name = "elsewhere.example";
  EXPECT_TRUE(
      failed_with(HttpClient::create(options).value()->send(get("/"), kLong), Code::kUnauthorized));

  options.insecure_skip_verify = true;
  EXPECT_TRUE(HttpClient::create(options).value()->send(get("/"), kLong));
}

TEST(HttpClient, LearnsThatItsCertificateIsRefused) {
  auto server = serve(tls_server(), echo);
  TimePoint now = SystemClock().now();
  KeyPair other = make_ca("other", now).value();
  KeyPair stranger = issue(other, {.common_name = "stranger", .client = true}, now).value();
  ClientOptions options{
      .host = "127.0.0.1", .port = server->port(), .ca_pem = certificates().ca.certificate_pem};
  options.certificate_pem = stranger.certificate_pem;
  options.key_pem = stranger.key_pem;
  auto refused = HttpClient::create(options).value()->send(get("/"), kLong);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnauthorized) << refused.error().message;
}

TEST(HttpClient, BadOptionsAreErrors) {
  ClientOptions options{.host = "127.0.0.1", .port = 1, .ca_pem = "not a certificate"};
  EXPECT_TRUE(failed_with(HttpClient::create(options), Code::kInvalid));
  options.ca_pem = certificates().ca.certificate_pem;
  options.certificate_pem = certificates().client.certificate_pem;
  options.key_pem = certificates().server.key_pem;
  EXPECT_TRUE(failed_with(HttpClient::create(options), Code::kInvalid));
}

TEST(HttpClient, AHundredAtOnceAndConnectionsAreKept) {
  std::mutex mutex;
  std::set<std::string> peers;
  auto server = serve(tls_server(), [&](Request request, std::unique_ptr<Responder> responder) {
    {
      std::lock_guard lock(mutex);
      peers.insert(request.peer.address);
    }
    echo(std::move(request), std::move(responder));
  });
  auto client = client_for(*server, true);
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 100; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 10; ++i) {
        Request request = get("/" + std::to_string(t));
        request.method = "PUT";
        request.body = std::string(static_cast<size_t>(t * 1000), 'x');
        auto response = client->send(request, kLong);
        if (response &&
            response->body == "PUT /" + std::to_string(t) + " " + std::to_string(t * 1000) + " ")
          ++good;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 1000);
  peers.clear();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(client->send(get("/"), kLong));
  EXPECT_EQ(peers.size(), 1u);
}

TEST(HttpClient, ConnectionRefusedIsUnavailable) {
  uint16_t port;
  {
    port = serve({}, echo)->port();
  }
  ClientOptions options{.host = "127.0.0.1", .port = port, .tls = false};
  auto refused = HttpClient::create(options).value()->send(get("/"), kLong);
  ASSERT_TRUE(failed_with(refused, Code::kUnavailable));
  EXPECT_THAT(refused.error().message, HasSubstr("127.0.0.1:" + std::to_string(port)));
}

TEST(HttpClient, GivesUpAtTheTimeout) {
  std::promise<std::unique_ptr<Responder>> held;
  auto server = serve({}, [&](Request, std::unique_ptr<Responder> responder) {
    held.set_value(std::move(responder));
  });
  EXPECT_TRUE(failed_with(client_for(*server)->send(get("/"), 20ms), Code::kTimeout));
}

TEST(HttpClient, RepeatsOnlySafeRequestsOnAStaleConnection) {
  // A server that drops each connection after its first answer, without saying so.
  int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener, 8), 0);
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  auto answer_one = [&](int fd) {
    std::string text;
    char c;
    while (text.find("\r\n\r\n") == std::string::npos && ::recv(fd, &c, 1, 0) == 1) text += c;
    if (text.empty()) return false;
    std::string_view answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    ::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL);
    return true;
  };
  std::atomic<int> connections{0};
  // Reads the second request of a connection and closes without an answer.
  std::thread server([&] {
    for (;;) {
      int fd = ::accept(listener, nullptr, nullptr);
      if (fd < 0) return;
      ++connections;
      if (answer_one(fd)) {
        char c;
        ::recv(fd, &c, 1, 0);
      }
      ::close(fd);
    }
  });
  ClientOptions options{.host = "127.0.0.1", .port = ntohs(address.sin_port), .tls = false};
  auto client = HttpClient::create(options).value();
  EXPECT_TRUE(client->send(get("/"), kLong));
  EXPECT_TRUE(client->send(get("/"), kLong));  // stale, repeated on a new connection
  EXPECT_EQ(connections, 2);
  Request post = get("/");
  post.method = "POST";
  EXPECT_TRUE(failed_with(client->send(post, kLong), Code::kUnavailable));
  EXPECT_EQ(connections, 2);
  client.reset();
  ::shutdown(listener, SHUT_RDWR);
  server.join();
  ::close(listener);
}

TEST(HttpClient, StreamsPieceByPieceAndCancels) {
  std::promise<std::shared_ptr<BodyStream>> promise;
  auto server = serve(tls_server(), [&](Request, std::unique_ptr<Responder> responder) {
    promise.set_value(responder->stream({}));
  });
  auto client = client_for(*server, true);
  auto response = client->stream(get("/"), kLong);
  ASSERT_TRUE(response);
  auto stream = promise.get_future().get();
  auto nothing = response->body->read(10ms);
  ASSERT_TRUE(nothing);
  EXPECT_FALSE(*nothing);
  stream->write(std::make_shared<const std::string>("one"));
  EXPECT_EQ(response->body->read(kLong).value().value(), "one");
  std::thread canceller([&] { response->body->cancel(); });
  EXPECT_TRUE(failed_with(response->body->read(kLong), Code::kUnavailable));
  canceller.join();
}

TEST(HttpClient, AStreamThatIsAnErrorHasItsBody) {
  auto server = serve({}, [](Request, std::unique_ptr<Responder>) {});
  auto response = client_for(*server)->stream(get("/"), kLong);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->head.status, 500);
  EXPECT_THAT(response->head.body, HasSubstr("InternalError"));
}

TEST(HttpClient, ReadsTheAnswerOfAServerThatDoesNotReadTheWholeRequest) {
  auto server = serve({}, echo);
  Request request = get("/");
  request.method = "POST";
  request.body = std::string(64 << 20, 'x');
  auto response = client_for(*server)->send(request, kLong);
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 413);
}

TEST(HttpClient, BoundsTheAnswer) {
  auto server = serve({}, [](Request, std::unique_ptr<Responder> responder) {
    Response response;
    response.body = std::string(2000, 'x');
    responder->send(std::move(response));
  });
  ClientOptions options{.host = "127.0.0.1", .port = server->port(), .tls = false};
  options.max_body_bytes = 1000;
  EXPECT_TRUE(
      failed_with(HttpClient::create(options).value()->send(get("/"), kLong), Code::kTooLarge));
}

TEST(HttpClient, ALineBreakCannotSmuggleARequest) {
  auto server = serve({}, echo);
  EXPECT_TRUE(failed_with(client_for(*server)->send(get("/ HTTP/1.1\r\n\r\nGET /b"), kLong),
                          Code::kInvalid));
}

}  // namespace
}  // namespace serin::net
