#include "client/rest_client.h"

#include <gmock/gmock.h>

#include <deque>
#include <fstream>
#include <mutex>
#include <thread>

#include "kube/resources.h"
#include "net/http_server.h"

namespace serin::client {
namespace {

using namespace std::chrono_literals;
using kube::kPods;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A server that answers from a script and keeps what it was asked.
class RestClientTest : public ::testing::Test {
 protected:
  using Answer = std::function<void(const net::Request&, std::unique_ptr<net::Responder>)>;

  void SetUp() override {
    server_ = net::HttpServer::start({}, [this](net::Request request,
                                                std::unique_ptr<net::Responder> responder) {
                std::unique_lock lock(mutex_);
                asked_.push_back(request);
                if (script_.empty()) return;  // 500
                Answer answer = std::move(script_.front());
                script_.pop_front();
                lock.unlock();
                answer(request, std::move(responder));
              }).value();
    context_.server = "http://127.0.0.1:" + std::to_string(server_->port()) + "/clusters/work-1";
  }

  static Answer json_answer(int status, std::string body, std::string retry_after = "") {
    return [=](const net::Request&, std::unique_ptr<net::Responder> responder) {
      net::Response response;
      response.status = status;
      response.headers.add("Content-Type", "application/json");
      if (!retry_after.empty()) response.headers.add("Retry-After", retry_after);
      response.body = body;
      responder->send(std::move(response));
    };
  }
  /// A watch whose body is `text` and then ends, or stays open.
  static Answer stream_answer(std::string text, bool end,
                              std::shared_ptr<net::BodyStream>* keep = nullptr) {
    return [=](const net::Request&, std::unique_ptr<net::Responder> responder) {
      net::Response head;
      head.body = text;
      auto stream = responder->stream(std::move(head));
      if (end)
        stream->finish();
      else if (keep)
        *keep = stream;
    };
  }
  void then(Answer answer) {
    std::lock_guard lock(mutex_);
    script_.push_back(std::move(answer));
  }
  net::Request asked(size_t i) {
    std::lock_guard lock(mutex_);
    return asked_.at(i);
  }
  size_t asked_count() {
    std::lock_guard lock(mutex_);
    return asked_.size();
  }
  std::unique_ptr<RestClient> client(RestOptions options = {}) {
    return make_rest_client(context_, options, clock_).value();
  }

  VirtualClock clock_;
  KubeContext context_;
  std::mutex mutex_;
  std::deque<Answer> script_;        // guarded by mutex_
  std::vector<net::Request> asked_;  // guarded by mutex_
  std::unique_ptr<net::HttpServer> server_;
};

constexpr const char* kPod =
    R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","namespace":"d","resourceVersion":"5"}})";
const NamespacedName kName{"d", "p"};

TEST_F(RestClientTest, GetBelowThePathOfTheServer) {
  context_.token = "secret";
  then(json_answer(200, kPod));
  EXPECT_EQ(client()->get(kPods, kName).value().version().value, 5u);
  EXPECT_EQ(asked(0).method, "GET");
  EXPECT_EQ(asked(0).path, "/clusters/work-1/api/v1/namespaces/d/pods/p");
  EXPECT_EQ(asked(0).headers.get("Authorization"), "Bearer secret");
  EXPECT_EQ(asked(0).headers.get("Accept"), "application/json");
}

TEST_F(RestClientTest, AStatusBecomesTheError) {
  then(json_answer(
      404, R"({"kind":"Status","reason":"NotFound","code":404,"message":"pods \"p\" not found"})"));
  auto missing = client()->get(kPods, kName);
  ASSERT_TRUE(failed_with(missing, Code::kNotFound));
  EXPECT_EQ(missing.error().message, "pods \"p\" not found");
}

TEST_F(RestClientTest, WritesSayWhoWrites) {
  auto c = client({.field_manager = "tester"});
  Object pod = Object::parse(kPod).value();
  for (int i = 0; i < 4; ++i) then(json_answer(i == 0 ? 201 : 200, kPod));
  ASSERT_TRUE(c->create(kPods, pod, {.dry_run = true}));
  ASSERT_TRUE(c->update(kPods, pod, {.subresource = "status"}));
  ASSERT_TRUE(c->patch(kPods, kName, {Patch::Type::kApply, json::parse(kPod).value()},
                       {.field_manager = "other", .force = true}));
  ASSERT_TRUE(c->remove(kPods, kName, {.propagation = "Background"}));
  EXPECT_EQ(asked(0).method + asked(0).path, "POST/clusters/work-1/api/v1/namespaces/d/pods");
  EXPECT_EQ(asked(0).query, "fieldManager=tester&dryRun=All");
  EXPECT_EQ(asked(0).headers.get("Content-Type"), "application/json");
  EXPECT_EQ(json::parse(asked(0).body).value(), pod.doc());
  EXPECT_EQ(asked(1).method + asked(1).path,
            "PUT/clusters/work-1/api/v1/namespaces/d/pods/p/status");
  EXPECT_EQ(asked(2).method, "PATCH");
  EXPECT_EQ(asked(2).headers.get("Content-Type"), "application/apply-patch+yaml");
  EXPECT_EQ(asked(2).query, "fieldManager=other&force=true");
  EXPECT_EQ(asked(3).method, "DELETE");
  EXPECT_THAT(asked(3).body, HasSubstr("Background"));
}

TEST_F(RestClientTest, ARequestAboutOneNeverBecomesOneAboutAll) {
  auto c = client();
  EXPECT_TRUE(failed_with(c->remove(kPods, {"d", ""}), Code::kBadRequest));
  EXPECT_TRUE(failed_with(c->remove(kPods, {"", "p"}), Code::kBadRequest));
  EXPECT_TRUE(failed_with(c->get(kPods, {"d", ""}), Code::kBadRequest));
  EXPECT_EQ(asked_count(), 0u);
}

TEST_F(RestClientTest, WaitsWhenAskedToAndNoLongerThanAllowed) {
  TimePoint start = clock_.now();
  then(json_answer(429, "{}", "3"));
  then(json_answer(503, "{}", "4"));
  then(json_answer(200, kPod));
  EXPECT_TRUE(client()->get(kPods, kName));
  EXPECT_EQ(clock_.now() - start, 7s);
  then(json_answer(503, "{}", "3600"));
  EXPECT_TRUE(failed_with(client()->get(kPods, kName), Code::kUnavailable));
  then(json_answer(429, "{}"));
  EXPECT_TRUE(failed_with(client()->get(kPods, kName), Code::kTooManyRequests));
  for (int i = 0; i < 3; ++i) then(json_answer(429, "{}", "1"));
  EXPECT_TRUE(failed_with(client({.max_retries = 2})->get(kPods, kName), Code::kTooManyRequests));
  EXPECT_EQ(clock_.now() - start, 9s);
}

TEST_F(RestClientTest, ListsPageByPage) {
  then(json_answer(
      200,
      R"({"metadata":{"resourceVersion":"8","continue":"next"},"items":[{"metadata":{"name":"a"}}]})"));
  then(json_answer(200,
                   R"({"metadata":{"resourceVersion":"8"},"items":[{"metadata":{"name":"b"}}]})"));
  ObjectList list =
      client({.page_size = 1})->list(kPods, {.ns = "d", .label_selector = "x=y"}).value();
  EXPECT_EQ(list.items.size(), 2u);
  EXPECT_EQ(list.version.value, 8u);
  EXPECT_EQ(list.continue_token, "");
  EXPECT_EQ(asked(1).query, "labelSelector=x%3Dy&limit=1&continue=next");
  then(json_answer(
      200,
      R"({"metadata":{"resourceVersion":"9","continue":"next"},"items":[{"metadata":{"name":"a"}}]})"));
  EXPECT_EQ(client()->list(kPods, {.limit = 1}).value().continue_token,
            "next");  // the caller's own paging
}

TEST_F(RestClientTest, AListWhosePagesExpireIsReadInOnePiece) {
  then(json_answer(
      200,
      R"({"metadata":{"resourceVersion":"8","continue":"old"},"items":[{"metadata":{"name":"a"}}]})"));
  then(json_answer(410, R"({"kind":"Status","reason":"Expired","code":410,"message":"too old"})"));
  then(json_answer(200,
                   R"({"metadata":{"resourceVersion":"20"},"items":[{"metadata":{"name":"b"}}]})"));
  ObjectList list = client({.page_size = 1})->list(kPods).value();
  EXPECT_EQ(list.version.value, 20u);
  EXPECT_EQ(list.items.size(), 1u);
  EXPECT_EQ(asked(2).query, "");
}

std::string event(const char* type, int version) {
  return std::string(R"({"type":")") + type +
         R"(","object":{"kind":"Pod","metadata":{"name":"p","resourceVersion":")" +
         std::to_string(version) + "\"}}}\n";
}

TEST_F(RestClientTest, AWatchGoesOnWhereTheServerEndedIt) {
  std::shared_ptr<net::BodyStream> open;
  then(stream_answer(event("ADDED", 6) + event("BOOKMARK", 9), true));
  then(stream_answer(event("MODIFIED", 10), false, &open));
  auto c = client();
  auto watch = c->watch(kPods, {.ns = "d", .from = {5}}).value();
  std::vector<uint64_t> versions;
  for (int i = 0; i < 3; ++i)
    versions.push_back(watch->next(clock_.now() + 20s).value()->object.version().value);
  EXPECT_THAT(versions, ElementsAre(6, 9, 10));
  EXPECT_EQ(asked(0).query, "watch=1&allowWatchBookmarks=true&resourceVersion=5");
  EXPECT_EQ(asked(1).query, "watch=1&allowWatchBookmarks=true&resourceVersion=9");
  EXPECT_FALSE(watch->next(clock_.now()).value());  // nothing yet
  std::thread canceller([&] { watch->cancel(); });
  EXPECT_TRUE(failed_with(watch->next(clock_.now() + 20s), Code::kUnavailable));
  canceller.join();
}

TEST_F(RestClientTest, AWatchSaysWhenItsVersionIsTooOld) {
  then(stream_answer(
      R"({"type":"ERROR","object":{"kind":"Status","reason":"Expired","code":410,"message":"too old"}})"
      "\n",
      true));
  then(json_answer(410, R"({"kind":"Status","reason":"Expired","code":410,"message":"too old"})"));
  auto c = client();
  auto watch = c->watch(kPods, {.from = {1}}).value();
  EXPECT_TRUE(failed_with(watch->next(clock_.now() + 20s), Code::kExpired));
  EXPECT_TRUE(failed_with(c->watch(kPods, {.from = {1}}), Code::kExpired));
}

TEST_F(RestClientTest, AWatchThatEndsAtOnceIsNotRepeatedAtOnce) {
  then(stream_answer("", true));
  auto watch = client()->watch(kPods, {.from = {1}}).value();
  EXPECT_TRUE(failed_with(watch->next(clock_.now() + 20s), Code::kUnavailable));
  then(stream_answer(event("ADDED", 6), true));
  watch = client()->watch(kPods).value();
  EXPECT_TRUE(watch->next(clock_.now() + 20s).value());
  EXPECT_TRUE(failed_with(watch->next(clock_.now() + 20s), Code::kUnavailable));
  EXPECT_EQ(asked_count(), 2u);
}

TEST_F(RestClientTest, DiscoveryIsAskedOnceAndAgainForWhatIsNew) {
  auto core =
      R"({"kind":"APIGroupDiscoveryList","items":[{"metadata":{"name":""},"versions":[{"version":"v1","resources":[
    {"resource":"pods","responseKind":{"kind":"Pod"},"scope":"Namespaced","verbs":["list"]}]}]}]})";
  auto none = R"({"kind":"APIGroupDiscoveryList","items":[]})";
  auto crd =
      R"({"kind":"APIGroupDiscoveryList","items":[{"metadata":{"name":"argoproj.io"},"versions":[{"version":"v1alpha1","resources":[
    {"resource":"rollouts","responseKind":{"kind":"Rollout"},"scope":"Namespaced","verbs":["list"]}]}]}]})";
  then(json_answer(200, core));
  then(json_answer(200, none));
  auto c = client();
  EXPECT_EQ(c->resource_for({"", "v1", "Pod"}).value(), kPods);
  EXPECT_THAT(asked(0).headers.get("Accept"), HasSubstr("as=APIGroupDiscoveryList"));
  EXPECT_TRUE(
      failed_with(c->resource_for({"argoproj.io", "v1alpha1", "Rollout"}), Code::kNotFound));
  EXPECT_EQ(asked_count(), 2u);  // it had only just been asked
  clock_.advance(2s);
  then(json_answer(200, core));
  then(json_answer(200, crd));
  EXPECT_EQ(c->resource_for({"argoproj.io", "v1alpha1", "Rollout"}).value(), kube::kRollouts);
  EXPECT_EQ(c->resources().value().size(), 2u);
  EXPECT_EQ(asked_count(), 4u);
}

TEST_F(RestClientTest, LegacyDiscoverySurvivesABrokenGroup) {
  then(json_answer(200, R"({"kind":"APIVersions","versions":["v1"]})"));
  then(json_answer(
      200, R"({"resources":[{"name":"pods","kind":"Pod","namespaced":true,"verbs":["list"]}]})"));
  then(json_answer(
      200,
      R"({"kind":"APIGroupList","groups":[{"name":"metrics.k8s.io","preferredVersion":{"version":"v1"},"versions":[{"version":"v1"}]}]})"));
  then(json_answer(503, "{}"));
  EXPECT_THAT(client()->resources().value(), ElementsAre(kPods));
  EXPECT_EQ(asked(1).path, "/clusters/work-1/api/v1");
  EXPECT_EQ(asked(3).path, "/clusters/work-1/apis/metrics.k8s.io/v1");
}

TEST_F(RestClientTest, RawAndItsStream) {
  then(json_answer(418, "teapot"));
  then(stream_answer("line 1\n", true));
  auto c = client();
  auto answer = c->raw("POST", "/x?y=1", "body").value();
  EXPECT_EQ(answer.status, 418);
  EXPECT_EQ(asked(0).path + "?" + asked(0).query, "/clusters/work-1/x?y=1");
  EXPECT_EQ(c->raw_stream("/log").value().body->read(20s).value().value(), "line 1\n");
}

TEST_F(RestClientTest, TokenFilesAreReadAgain) {
  std::string path = ::testing::TempDir() + "token-" + std::to_string(server_->port());
  std::ofstream(path) << "one\n";
  context_.token_file = path;
  for (int i = 0; i < 3; ++i) then(json_answer(200, kPod));
  auto c = client();
  ASSERT_TRUE(c->get(kPods, kName));
  std::ofstream(path) << "two\n";
  ASSERT_TRUE(c->get(kPods, kName));
  clock_.advance(2min);
  ASSERT_TRUE(c->get(kPods, kName));
  EXPECT_EQ(asked(0).headers.get("Authorization"), "Bearer one");
  EXPECT_EQ(asked(1).headers.get("Authorization"), "Bearer one");
  EXPECT_EQ(asked(2).headers.get("Authorization"), "Bearer two");
  std::remove(path.c_str());
}

TEST_F(RestClientTest, AnswersThatAreNoJsonAreTheServersFault) {
  then(json_answer(200, "<html>"));
  EXPECT_TRUE(failed_with(client()->get(kPods, kName), Code::kInternal));
  context_.server = "ftp://x";
  EXPECT_TRUE(failed_with(make_rest_client(context_, {}, clock_), Code::kInvalid));
}

}  // namespace
}  // namespace serin::client
