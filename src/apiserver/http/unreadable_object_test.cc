// A stored object that cannot be read, or not be written in the form asked for, is an error of whoever asks for it.

#include "apiserver/catalog.h"
#include "apiserver/http/watch_pump.h"
#include "apiserver/testing/fixture.h"
#include "base/strings.h"

namespace serin::apiserver {
namespace {

using Encoding = Representation::Encoding;
using Form = Representation::Form;

/// What a watch has been answered with. A stream is over once `ended`.
struct Answer {
  std::mutex mutex;
  std::condition_variable changed;
  std::string bytes;  // guarded by mutex
  bool ended = false;  // guarded by mutex

  std::string all() {
    std::unique_lock lock(mutex);
    EXPECT_TRUE(changed.wait_for(lock, std::chrono::seconds(20), [&] { return ended; }));
    return bytes;
  }
  void add(std::string_view more, bool last) {
    std::lock_guard lock(mutex);
    bytes += more;
    ended |= last;
    changed.notify_all();
  }
};

class Stream final : public net::BodyStream {
 public:
  explicit Stream(std::shared_ptr<Answer> answer) : answer_(std::move(answer)) {}
  bool write(net::SharedBytes bytes) override {
    answer_->add(*bytes, false);
    return true;
  }
  size_t pending() const override { return 0; }
  void on_drained(std::function<void()>) override {}
  void on_closed(std::function<void()>) override {}
  void finish() override { answer_->add("", true); }
  void abort() override { answer_->add("", true); }

 private:
  std::shared_ptr<Answer> answer_;
};

class Taker final : public net::Responder {
 public:
  explicit Taker(std::shared_ptr<Answer> answer) : answer_(std::move(answer)) {}
  void send(net::Response response) override { answer_->add(response.body, true); }
  std::shared_ptr<net::BodyStream> stream(net::Response) override { return std::make_shared<Stream>(answer_); }

 private:
  std::shared_ptr<Answer> answer_;
};

class UnreadableObject : public testing::Test {
 protected:
  UnreadableObject() {
    for (auto name : {"bad", "good"}) {
      std::string data = std::string_view(name) == "good" ? R"({"a":"b"})" : std::string(300, '[') + std::string(300, ']');
      Transaction write;
      write.operations.push_back({target_.collection(), {"default", name},
                                  concat(R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":")", name, R"("},"data":)", data, '}'), nullptr, 0});
      EXPECT_TRUE(store_->commit_and_wait(std::move(write)));
    }
  }
  EntryPtr entry(const std::string& name) { return store_->get(target_.collection(), {"default", name}); }

  SystemClock clock_;
  Random random_{7};
  std::unique_ptr<Store> store_ = memory_store(clock_);
  Rest rest_{*store_, {&clock_, &random_, {}}};
  ClusterPtr cluster_ = std::make_shared<LogicalCluster>("work-1", Catalog::builtin());
  Target target_{cluster_, cluster_->catalog()->find("", "v1", "configmaps"), {"default", ""}, ""};
};

TEST_F(UnreadableObject, IsAnErrorOfGetsAndLists) {
  Page page{{entry("bad"), entry("good")}, 2, {}, {}};
  for (Encoding encoding : {Encoding::kYaml, Encoding::kProtobuf}) {
    ObjectWriter writer(rest_, target_, {Form::kObject, encoding});
    EXPECT_TRUE(failed_with(writer.object(entry("bad"), 1), Code::kInternal)) << int(encoding);
    EXPECT_TRUE(failed_with(writer.event_object(entry("bad"), 1, true), Code::kInternal)) << int(encoding);
    EXPECT_TRUE(failed_with(writer.list(page), Code::kInternal)) << int(encoding);
    EXPECT_TRUE(writer.object(entry("good"), 2)) << int(encoding);
  }
  for (Form form : {Form::kTable, Form::kPartial}) {
    ObjectWriter writer(rest_, target_, {form, Encoding::kJson});
    EXPECT_TRUE(failed_with(writer.object(entry("bad"), 1), Code::kInternal)) << int(form);
    EXPECT_TRUE(failed_with(writer.list(page), Code::kInternal)) << int(form);
  }
  // As it is stored it can be had.
  EXPECT_TRUE(ObjectWriter(rest_, target_, {}).list(page));
}

TEST_F(UnreadableObject, EndsAWatchWithAnErrorAndOthersGoOn) {
  WatchPump pump(rest_, {std::chrono::hours(1), 1 << 20});
  auto watch = [&](Encoding encoding, const std::string& name, Duration timeout) {
    auto answer = std::make_shared<Answer>();
    WatchRequest request{target_, {Form::kObject, encoding}, {}, false, false, timeout};
    request.options.field_selector = "metadata.name=" + name;
    pump.start(std::move(request), std::make_unique<Taker>(answer), RequestInfo());
    return answer;
  };
  auto refused = watch(Encoding::kProtobuf, "bad", std::chrono::hours(1));
  std::string bytes = refused->all();
  EXPECT_NE(bytes.find("ERROR"), std::string::npos);
  EXPECT_NE(bytes.find("InternalError"), std::string::npos);
  std::string good = watch(Encoding::kProtobuf, "good", std::chrono::seconds(1))->all();
  EXPECT_NE(good.find("ADDED"), std::string::npos);
  EXPECT_EQ(good.find("ERROR"), std::string::npos);
}

}  // namespace
}  // namespace serin::apiserver
