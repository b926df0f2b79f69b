// GET /backup of a running server, and long lists: what is sent in pieces.

#include <filesystem>

#include "apiserver/http/backup_stream.h"
#include "apiserver/testing/http_fixture.h"

namespace serin::apiserver {
namespace {

class BackupOverHttp : public HttpTest {
 protected:
  BackupOverHttp() {
    char text[] = "/tmp/serin-backup-XXXXXX";
    directory_ = mkdtemp(text);
  }
  ~BackupOverHttp() override { std::filesystem::remove_all(directory_); }

  void make(int count) {
    for (int i = 0; i < count; ++i) {
      kube::Object object(json::object{{"metadata", json::object{{"name", concat("c", i)}, {"namespace", "default"}}},
                                       {"data", json::object{{"text", "line\none" + std::string(1000, 'x')}}}});
      ASSERT_TRUE(client_->create(kube::kConfigMaps, object, {}));
    }
  }
  std::string directory_;
};

TEST_F(BackupOverHttp, WholeAndRestorable) {
  make(600);
  net::Response response = call(request("GET", "/backup"));
  ASSERT_EQ(response.status, 200) << response.body;
  std::string file = directory_ + "/backup";
  {
    auto writer = BackupWriter::create(file);
    ASSERT_TRUE(writer);
    BackupReader reader(**writer);
    for (size_t at = 0; at < response.body.size(); at += 777) ASSERT_TRUE(reader.feed(std::string_view(response.body).substr(at, 777)));
    ASSERT_TRUE(reader.finish());
    EXPECT_EQ(reader.revision(), server_->revision());
  }
  auto restored = restore_backup(file, directory_ + "/store");
  ASSERT_TRUE(restored) << restored.error().message;
  auto store = open_sqlite_store(directory_ + "/store", clock_);
  ASSERT_TRUE(store);
  Collection maps{"work-1", "configmaps"};
  auto all = (*store)->list(maps, {});
  ASSERT_GE(all->entries.size(), 600u);
  auto response_of_one = call("GET", "/api/v1/namespaces/default/configmaps/c7");
  auto doc = json::parse((*store)->get(maps, {"default", "c7"})->bytes);
  ASSERT_TRUE(doc);
  EXPECT_EQ(json::get_string(*doc, "data", "text"), json::get_string(body_of(response_of_one), "data", "text"));
}

TEST_F(BackupOverHttp, ABrokenOffOneIsNotKept) {
  make(3);
  std::string body = call(request("GET", "/backup")).body;
  std::string file = directory_ + "/backup";
  {
    auto writer = BackupWriter::create(file);
    BackupReader reader(**writer);
    ASSERT_TRUE(reader.feed(std::string_view(body).substr(0, body.size() - 4)));
    EXPECT_TRUE(failed_with(reader.finish(), Code::kUnavailable));
  }
  EXPECT_FALSE(std::filesystem::exists(file));
  auto writer = BackupWriter::create(file);
  BackupReader reader(**writer);
  EXPECT_TRUE(failed_with(reader.feed("{\"kind\":\"Status\"}\n"), Code::kInvalid));
}

TEST_F(BackupOverHttp, OnlyForMasters) {
  net::Request asked = request("GET", "/backup");
  EXPECT_EQ(connect(false)->send(asked, std::chrono::seconds(20))->status, 401);
  asked.headers.set("Authorization", "Bearer reader-token");
  EXPECT_EQ(connect(false)->send(asked, std::chrono::seconds(20))->status, 403);
  EXPECT_EQ(call(request("POST", "/backup", "{}")).status, 405);
}

TEST_F(BackupOverHttp, ALongListInPiecesIsTheListInOnePiece) {
  make(600);
  json::value all = body_of(call("GET", "/api/v1/namespaces/default/configmaps"));
  json::array pages;
  for (std::string more;;) {
    json::value page = body_of(call("GET", "/api/v1/namespaces/default/configmaps?limit=100&continue=" + more));
    EXPECT_LE(json::items(page, "items").size(), 100u);
    for (const json::value& item : json::items(page, "items")) pages.push_back(item);
    more = json::get_string(page, "metadata", "continue");
    if (more.empty()) break;
  }
  EXPECT_GE(pages.size(), 600u);
  EXPECT_EQ(json::dump(json::items(all, "items")), json::dump(pages));
  EXPECT_EQ(json::get_string(all, "kind"), "ConfigMapList");
  json::value half = body_of(call("GET", "/api/v1/namespaces/default/configmaps?limit=400"));
  EXPECT_EQ(json::items(half, "items").size(), 400u);
  EXPECT_NE(json::get_string(half, "metadata", "continue"), "");
}

}  // namespace
}  // namespace serin::apiserver
