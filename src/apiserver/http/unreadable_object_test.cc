// A stored object that cannot be read, or not be written in the form asked for, is an error of whoever asks for it.

#include "apiserver/catalog.h"
#include "apiserver/http/watch_pump.h"
#include "apiserver/testing/fake_responder.h"
#include "apiserver/testing/fixture.h"
#include "base/strings.h"

namespace serin::apiserver {
namespace {

using Encoding = Representation::Encoding;
using Form = Representation::Form;

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
    auto answer = std::make_shared<FakeAnswer>();
    WatchRequest request{target_, {Form::kObject, encoding}, {}, false, false, timeout};
    request.options.field_selector = "metadata.name=" + name;
    pump.start(std::move(request), std::make_unique<FakeResponder>(answer), RequestInfo());
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
