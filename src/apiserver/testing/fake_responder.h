#pragma once

/// A client without a network: takes one answer or stream, and reads it only when told to. For tests.

#include <gtest/gtest.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>

#include "net/http_server.h"

namespace serin::apiserver {

/// What a request has been answered with. Safe from any thread.
class FakeAnswer {
 public:
  /// A reader that takes nothing until `drain`.
  static std::shared_ptr<FakeAnswer> stalled() {
    auto answer = std::make_shared<FakeAnswer>();
    answer->stalled_ = true;
    return answer;
  }
  /// Everything, once it has ended.
  std::string all() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, kPatience, [&] { return ended_; }));
    return bytes_;
  }
  void wait_for(std::string_view text) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, kPatience, [&] { return bytes_.rfind(text) != std::string::npos; })) << text;
  }
  size_t pending() {
    std::lock_guard lock(mutex_);
    return stalled_ ? bytes_.size() : 0;
  }
  /// Takes all that waits, and from now on whatever comes.
  void drain() {
    std::function<void()> call;
    {
      std::lock_guard lock(mutex_);
      stalled_ = false;
      call = on_drained_;
    }
    if (call) call();
  }
  void add(std::string_view more, bool last) {
    std::lock_guard lock(mutex_);
    bytes_ += more;
    ended_ |= last;
    changed_.notify_all();
  }
  void on_drained(std::function<void()> callback) {
    std::lock_guard lock(mutex_);
    on_drained_ = std::move(callback);
  }

 private:
  static constexpr std::chrono::seconds kPatience{20};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string bytes_;                  // guarded by mutex_
  bool ended_ = false, stalled_ = false;  // guarded by mutex_
  std::function<void()> on_drained_;   // guarded by mutex_
};

class FakeStream final : public net::BodyStream {
 public:
  explicit FakeStream(std::shared_ptr<FakeAnswer> answer) : answer_(std::move(answer)) {}
  bool write(net::SharedBytes bytes) override {
    answer_->add(*bytes, false);
    return true;
  }
  size_t pending() const override { return answer_->pending(); }
  void on_drained(std::function<void()> callback) override { answer_->on_drained(std::move(callback)); }
  void on_closed(std::function<void()>) override {}
  void finish() override { answer_->add("", true); }
  void abort() override { answer_->add("", true); }

 private:
  std::shared_ptr<FakeAnswer> answer_;
};

class FakeResponder final : public net::Responder {
 public:
  explicit FakeResponder(std::shared_ptr<FakeAnswer> answer) : answer_(std::move(answer)) {}
  void send(net::Response response) override { answer_->add(response.body, true); }
  std::shared_ptr<net::BodyStream> stream(net::Response) override { return std::make_shared<FakeStream>(answer_); }

 private:
  std::shared_ptr<FakeAnswer> answer_;
};

}  // namespace serin::apiserver
