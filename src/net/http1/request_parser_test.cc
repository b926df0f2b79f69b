#include "net/http1/request_parser.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "net/http1/response_parser.h"

namespace serin::net {
namespace {

constexpr size_t kMaxHeader = 4096, kMaxBody = 1000;

/// What a parser made of a byte stream: every request in it, and how it ended.
struct Parsed {
  std::vector<std::string> requests;
  int failure = 0;  // the status to answer with; 0: none
  bool operator==(const Parsed&) const = default;
};

/// Feeds `text` in pieces whose sizes `cut` gives.
template <class Cut>
Parsed parse(std::string_view text, Cut cut) {
  RequestParser parser(kMaxHeader, kMaxBody);
  Parsed parsed;
  std::string input;
  while (!text.empty()) {
    size_t size = std::min<size_t>(cut(), text.size());
    input += text.substr(0, size);
    text.remove_prefix(size);
    for (;;) {
      size_t used = parser.feed(input);
      EXPECT_LE(used, input.size());
      input.erase(0, used);
      if (parser.state() == RequestParser::State::kFailed) {
        parsed.failure = parser.failure().status;
        return parsed;
      }
      if (parser.state() == RequestParser::State::kDone) {
        Request& request = parser.request();
        EXPECT_LE(request.body.size(), kMaxBody);
        std::string all =
            request.method + " " + request.path + "?" + request.query + " " + request.body;
        for (const auto& [name, value] : request.headers.all()) all += "|" + name + "=" + value;
        parsed.requests.push_back(all + (parser.keep_alive() ? " keep" : " close"));
        parser.reset();
      } else if (used == 0) {
        break;
      }
    }
  }
  return parsed;
}

const std::string kStream =
    "GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n"
    "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
    "PUT http://proxy.example/q?r HTTP/1.1\r\nhost: x\r\nTransfer-Encoding: "
    "chunked\r\n\r\n3;ext=1\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n"
    "DELETE /d HTTP/1.0\r\n\r\n";

TEST(RequestParser, AnyCutOfTheBytesGivesTheSameRequests) {
  Parsed whole = parse(kStream, [] { return kStream.size(); });
  ASSERT_EQ(whole.requests.size(), 4u);
  EXPECT_EQ(whole.requests[0], "GET /a?b=c |Host=x keep");
  EXPECT_EQ(whole.requests[1], "POST /p? hello|Host=x|Content-Length=5 keep");
  EXPECT_TRUE(whole.requests[2].starts_with("PUT /q?r abc0123456789|")) << whole.requests[2];
  EXPECT_EQ(whole.requests[3], "DELETE /d?  close");
  for (size_t size = 1; size < kStream.size(); ++size)
    EXPECT_EQ(parse(kStream, [=] { return size; }), whole) << size;
}

TEST(RequestParser, BrokenBytesBreakNothingAndTheCutStillDoesNotMatter) {
  std::mt19937 random(20261123);
  auto below = [&](size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random); };
  constexpr std::string_view kOdd(
      "\r\n\0 :;?%\x7f\xff"
      "09AaZ-",
      16);
  for (int round = 0; round < 3000; ++round) {
    std::string text = kStream;
    for (size_t i = 0, changes = 1 + below(4); i < changes; ++i) {
      size_t at = below(text.size());
      switch (below(3)) {
        case 0: text[at] = kOdd[below(kOdd.size())]; break;
        case 1: text.erase(at, 1 + below(5)); break;
        default: text.insert(at, 1, kOdd[below(kOdd.size())]);
      }
    }
    Parsed whole = parse(text, [&] { return text.size(); });
    Parsed cut = parse(text, [&] { return 1 + below(40); });
    EXPECT_EQ(cut.requests, whole.requests) << ::testing::PrintToString(text);
    // A last head that never becomes complete may be found out or waited for.
    if (cut.failure != 0 && whole.failure != 0) {
      EXPECT_EQ(cut.failure, whole.failure) << ::testing::PrintToString(text);
    }
  }
}

TEST(RequestParser, ABodyIsNotKeptBeyondItsLimit) {
  std::string text = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 100; ++i) text += "64\r\n" + std::string(100, 'x') + "\r\n";
  EXPECT_EQ(parse(text, [] { return 77u; }).failure, 413);
}

TEST(ResponseParser, InterimAnswersAreSkippedAndBodiesEndAsTheyShould) {
  ResponseParser parser(false, 100);
  std::string text =
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 "
      "OK\r\nA: b\r\n\r\nuntil the end";
  EXPECT_EQ(parser.feed(text), text.size());
  EXPECT_EQ(parser.state(), ResponseParser::State::kBody);
  EXPECT_EQ(parser.head().headers.all().size(), 1u);
  parser.end_of_stream();
  EXPECT_EQ(parser.state(), ResponseParser::State::kDone);
  EXPECT_EQ(parser.take_body(), "until the end");

  ResponseParser cut(false, 100);
  cut.feed("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
  cut.end_of_stream();
  EXPECT_EQ(cut.state(), ResponseParser::State::kFailed);

  ResponseParser head(true, 100);
  head.feed("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(head.state(), ResponseParser::State::kDone);
}

}  // namespace
}  // namespace serin::net
