#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "node/log_reader.h"
#include "node/shim/log_writer.h"
#include "node/test_support.h"

namespace serin::node {
namespace {

using namespace std::chrono_literals;
using node::testing::TemporaryDirectory;

class LogTest : public ::testing::Test {
 protected:
  std::string read_all(LogOptions options, bool running = false) {
    LogReader reader(path_, 4, options, [&] { return running; });
    std::string out;
    for (;;) {
      auto piece = reader.read(0ms);
      if (!piece || !*piece) return out;
      out += **piece;
    }
  }
  TemporaryDirectory directory_;
  std::string path_ = directory_.path() + "/0.log";
  VirtualClock clock_;
};

TEST_F(LogTest, ShowsTextTimesTailsAndLimits) {
  LogWriter writer(path_, 10 << 20, 5, clock_);
  writer.write("stdout", "one\ntw");
  clock_.advance(10s);
  writer.write("stdout", "o\n");
  writer.write("stderr", "three\n");
  writer.write("stdout", "unfinished");
  writer.flush();
  EXPECT_EQ(read_all({}), "one\ntwo\nthree\nunfinished\n");
  LogOptions options;
  options.timestamps = true;
  options.tail_lines = 2;
  EXPECT_EQ(read_all(options), "2026-01-01T00:00:10.000000Z three\n2026-01-01T00:00:10.000000Z unfinished\n");
  options = {};
  options.since = clock_.now() - 5s;
  EXPECT_EQ(read_all(options), "two\nthree\nunfinished\n");
  options = {};
  options.limit_bytes = 6;
  EXPECT_EQ(read_all(options), "one\ntw");
  options = {};
  options.tail_lines = 0;
  EXPECT_EQ(read_all(options), "");
}

TEST_F(LogTest, JoinsLongLinesAgain) {
  LogWriter writer(path_, 10 << 20, 5, clock_);
  std::string line(3 * LogWriter::kMaxLine + 5, 'x');
  writer.write("stdout", line + "\nend\n");
  EXPECT_EQ(read_all({}), line + "\nend\n");
  LogOptions options;
  options.tail_lines = 2;
  EXPECT_EQ(read_all(options), line + "\nend\n");
}

TEST_F(LogTest, ReadsAcrossRotationsAndKeepsTheNewest) {
  LogWriter writer(path_, 400, 3, clock_);
  std::string all;
  for (int i = 0; i < 40; ++i) {
    std::string line = concat("line ", i, "\n");
    writer.write("stdout", line);
    all += line;
  }
  std::string text = read_all({});
  EXPECT_TRUE(text.size() > 100 && all.ends_with(text)) << text;
  EXPECT_FALSE(std::filesystem::exists(path_ + ".3"));
  LogOptions options;
  options.tail_lines = 12;
  EXPECT_TRUE(all.ends_with(read_all(options)));
  EXPECT_TRUE(read_all(options).starts_with("line 28\n"));
}

TEST_F(LogTest, FollowsThroughRotationsToTheEnd) {
  std::atomic<bool> running = true;
  LogWriter writer(path_, 2000, 5, clock_);
  writer.write("stdout", "begin\n");
  LogOptions options;
  options.follow = true;
  LogReader reader(path_, 4, options, [&] { return running.load(); });
  EXPECT_EQ(reader.read(1s).value(), "begin\n");
  EXPECT_EQ(reader.read(0ms).value(), std::nullopt);
  std::string expected;
  auto reading = std::async(std::launch::async, [&] {
    std::string out;
    for (;;) {
      auto piece = reader.read(20ms);
      if (!piece) return out;
      if (*piece) out += **piece;
    }
  });
  for (int i = 0; i < 100; ++i) {
    std::string line = concat("line ", i, "\n");
    writer.write("stdout", line);
    expected += line;
  }
  running = false;
  EXPECT_EQ(reading.get(), expected);
}

}  // namespace
}  // namespace serin::node
