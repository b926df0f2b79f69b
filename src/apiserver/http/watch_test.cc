// Watches over HTTP.

#include "apiserver/testing/http_fixture.h"

namespace serin::apiserver {
namespace {

using kube::kConfigMaps;

constexpr Duration kPatience = std::chrono::seconds(20);

/// Reads a watch line by line.
class Lines {
 public:
  explicit Lines(std::unique_ptr<net::BodyReader> body) : body_(std::move(body)) {}
  /// The next event; null at the end of the stream.
  json::value next() {
    size_t end;
    while ((end = text_.find('\n')) == std::string::npos) {
      auto piece = body_->read(kPatience);
      if (!piece || !*piece) return nullptr;
      text_ += **piece;
    }
    auto doc = json::parse(text_.substr(0, end));
    text_.erase(0, end + 1);
    EXPECT_TRUE(doc);
    return doc ? *doc : json::value();
  }
  /// "ADDED a".
  std::string short_next() {
    json::value event = next();
    return concat(json::get_string(event, "type"), ' ', json::get_string(event, "object", "metadata", "name"));
  }

 private:
  std::unique_ptr<net::BodyReader> body_;
  std::string text_;
};

class WatchTest : public HttpTest {
 protected:
  void configure(ServerOptions& options) override {
    options.bookmark_interval = std::chrono::milliseconds(100);
    options.history.max_events = 50;
    options.history.min_events = 0;
  }
  Lines watch(const std::string& query, const std::string& accept = "application/json") {
    net::Request r = request("GET", "/clusters/work-1/api/v1/namespaces/default/configmaps?watch=true" + query);
    r.headers.set("Accept", accept);
    auto response = http_->stream(r, kPatience);
    EXPECT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->head.status, 200);
    return Lines(std::move(response->body));
  }
  void put(const std::string& name, const std::string& value = "1") {
    auto done = client_->create(kConfigMaps, config_map(name, value));
    if (!done) done = client_->update(kConfigMaps, config_map(name, value));
    ASSERT_TRUE(done) << done.error().message;
  }
};

TEST_F(WatchTest, StateThenChanges) {
  put("a");
  Lines lines = watch("");
  EXPECT_EQ(lines.short_next(), "ADDED a");
  put("b");
  put("a", "2");
  ASSERT_TRUE(client_->remove(kConfigMaps, {"default", "b"}));
  EXPECT_EQ(lines.short_next(), "ADDED b");
  EXPECT_EQ(lines.short_next(), "MODIFIED a");
  EXPECT_EQ(lines.short_next(), "DELETED b");
}

TEST_F(WatchTest, WatchListEndsItsStateWithABookmark) {
  put("a");
  Lines lines = watch("&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true");
  EXPECT_EQ(lines.short_next(), "ADDED a");
  json::value bookmark = lines.next();
  EXPECT_EQ(json::get_string(bookmark, "type"), "BOOKMARK");
  EXPECT_EQ(json::get_string(bookmark, "object", "kind"), "ConfigMap");
  EXPECT_EQ(json::get_string(bookmark, "object", "metadata", "annotations", "k8s.io/initial-events-end"), "true");
  EXPECT_EQ(json::get_string(bookmark, "object", "metadata", "resourceVersion"), std::to_string(server_->revision()));
  EXPECT_EQ(call("GET", "/api/v1/configmaps?watch=1&sendInitialEvents=true").status, 422);
}

TEST_F(WatchTest, BookmarksMoveOnWithOtherWrites) {
  Lines lines = watch("&allowWatchBookmarks=true&labelSelector=never%3Dthere");
  put("a");
  Revision wanted = server_->revision();
  for (;;) {
    json::value bookmark = lines.next();
    ASSERT_EQ(json::get_string(bookmark, "type"), "BOOKMARK");
    if (json::get_string(bookmark, "object", "metadata", "resourceVersion") == std::to_string(wanted)) break;
  }
}

TEST_F(WatchTest, TooOldIsAnErrorEvent) {
  for (int i = 0; i < 60; ++i) put("a", std::to_string(i));
  Lines lines = watch("&resourceVersion=2");
  json::value event = lines.next();
  EXPECT_EQ(json::get_string(event, "type"), "ERROR");
  EXPECT_EQ(json::get_int(event, 0, "object", "code"), 410);
  EXPECT_EQ(json::get_string(event, "object", "reason"), "Expired");
  EXPECT_TRUE(lines.next().is_null());
}

TEST_F(WatchTest, EndsAtItsTimeout) {
  Lines lines = watch("&timeoutSeconds=1");
  EXPECT_TRUE(lines.next().is_null());
}

TEST_F(WatchTest, TablesCarryTheirColumnsOnce) {
  put("a");
  put("b");
  Lines lines = watch("", "application/json;as=Table;v=v1;g=meta.k8s.io");
  EXPECT_TRUE(json::find_array(lines.next(), "object", "columnDefinitions"));
  json::value second = lines.next();
  EXPECT_FALSE(json::find_array(second, "object", "columnDefinitions"));
  EXPECT_EQ(json::items(second, "object", "rows").size(), 1u);
}

TEST_F(WatchTest, OneNameOnly) {
  net::Request r = request("GET", "/clusters/work-1/api/v1/namespaces/default/configmaps/b?watch=true");
  auto response = http_->stream(r, kPatience);
  ASSERT_TRUE(response);
  Lines lines(std::move(response->body));
  put("a");
  put("b");
  EXPECT_EQ(lines.short_next(), "ADDED b");
}

}  // namespace
}  // namespace serin::apiserver
