// The audit log: what is recorded, what never is, and what happens when the disk is full.

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "apiserver/auth/audit/log.h"
#include "apiserver/auth/audit/policy.h"
#include "apiserver/testing/http_fixture.h"

namespace serin::apiserver::audit {
namespace {

constexpr const char* kMaps = "/api/v1/namespaces/default/configmaps";

std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

TEST(AuditPolicy, TheFirstRuleThatMatchesDecides) {
  auto policy = Policy::parse(R"(
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: None, users: [robot], verbs: [get]}
- {level: Metadata, resources: [{group: "", resources: [secrets, pods/log, "*/status"]}]}
- {level: Request, namespaces: [dev], omitStages: [ResponseStarted]}
- {level: Metadata, userGroups: [admins], nonResourceURLs: ["/healthz*"]}
)");
  ASSERT_TRUE(policy) << policy.error().message;
  auto level = [&](const char* user, const char* verb, const char* resource, const char* subresource, const char* ns, const char* path = "") {
    AccessRequest access{std::make_shared<const User>(User{user, {"admins"}, {}, {}}), "c", verb, "", "v1", resource, subresource, ns, "", path};
    return policy->judge(access).level;
  };
  EXPECT_EQ(level("robot", "get", "secrets", "", "dev"), Level::kNone);
  EXPECT_EQ(level("robot", "list", "secrets", "", "dev"), Level::kMetadata);
  EXPECT_EQ(level("ann", "get", "pods", "log", "dev"), Level::kMetadata);
  EXPECT_EQ(level("ann", "patch", "pods", "status", "dev"), Level::kMetadata);
  EXPECT_EQ(level("ann", "get", "pods", "", "dev"), Level::kRequest);
  EXPECT_EQ(level("ann", "get", "pods", "", "ops"), Level::kNone);
  EXPECT_EQ(level("ann", "get", "", "", "", "/healthz/x"), Level::kMetadata);
  EXPECT_EQ(level("ann", "get", "", "", "", "/apis"), Level::kNone);
  for (auto wrong : {"a: [", "kind: Policy", "{apiVersion: audit.k8s.io/v1, kind: Policy}", "{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: Loud}]}",
                     "{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: None, verbs: get}]}",
                     "{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: None, omitStages: [Never]}]}"})
    EXPECT_TRUE(failed_with(Policy::parse(wrong), Code::kInvalid)) << wrong;
}

class LogTest : public testing::Test {
 protected:
  void SetUp() override {
    char text[] = "/tmp/serin-audit-XXXXXX";
    dir_ = mkdtemp(text);
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }
  std::string dir_;
  SystemClock clock_;
};

TEST_F(LogTest, RotatesBySizeAndKeepsToItsOwner) {
  std::string path = dir_ + "/audit.log";
  auto log = Log::open({path, 1000, 2}, clock_);
  ASSERT_TRUE(log) << log.error().message;
  for (int i = 0; i < 100; ++i) (*log)->write(concat(i, std::string(90, '.')));
  (*log)->flush();
  struct stat info {};
  for (auto name : {path, path + ".1", path + ".2"}) {
    ASSERT_EQ(::stat(name.c_str(), &info), 0) << name;
    EXPECT_LE(info.st_size, 1000);
    EXPECT_EQ(info.st_mode & 0777, 0600u);
  }
  EXPECT_FALSE(std::filesystem::exists(path + ".3"));
  EXPECT_TRUE(lines_of(path).back().starts_with("99"));
  EXPECT_EQ((*log)->dropped(), 0u);
  EXPECT_TRUE(failed_with(Log::open({dir_ + "/no/such/audit.log"}, clock_), Code::kForbidden));
}

TEST_F(LogTest, AFullDiskDropsAndCounts) {
  auto log = Log::open({"/dev/full"}, clock_);
  ASSERT_TRUE(log);
  for (int i = 0; i < 5; ++i) (*log)->write("line");
  (*log)->flush();
  EXPECT_EQ((*log)->dropped(), 5u);
}

class AuditTest : public HttpTest {
 protected:
  void configure(ServerOptions& options) override {
    char text[] = "/tmp/serin-audit-XXXXXX";
    dir_ = mkdtemp(text);
    options.security.audit_log = LogOptions{path()};
    auto policy = Policy::parse(R"(
apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- {level: None, nonResourceURLs: ["/api*", "/healthz"]}
- {level: Request}
)");
    options.security.audit_policy = *policy;
  }
  void TearDown() override {
    HttpTest::TearDown();
    std::filesystem::remove_all(dir_);
  }
  std::string path() const { return dir_ + "/audit.log"; }
  std::string dir_;
};

TEST_F(AuditTest, RecordsRequestsAndNeverASecret) {
  net::Request create = request("POST", std::string("/clusters/work-1") + kMaps, R"({"metadata":{"name":"a"},"data":{"plain":"to-be-seen"}})");
  create.headers.set("Audit-Id", "my-own-id");
  create.headers.set("User-Agent", "test/1");
  net::Response made = call(create);
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(made.headers.get("Audit-Id"), "my-own-id");
  EXPECT_EQ(call("POST", "/api/v1/namespaces/default/secrets", R"({"metadata":{"name":"s"},"stringData":{"password":"never-to-be-seen"}})").status, 201);
  EXPECT_EQ(call("PATCH", "/api/v1/namespaces/default/secrets/s", R"({"stringData":{"password":"never-to-be-seen"}})", "application/merge-patch+json").status, 200);
  call("POST", "/apis/authentication.k8s.io/v1/tokenreviews", R"({"spec":{"token":"never-to-be-seen"}})");
  call("POST", "/api/v1/namespaces/default/serviceaccounts", R"({"metadata":{"name":"robot"}})");
  std::string token(json::get_string(body_of(call("POST", "/api/v1/namespaces/default/serviceaccounts/robot/token", "{}")), "status", "token"));
  net::Response health = call("GET", "/healthz");
  EXPECT_EQ(health.headers.get("Audit-Id").size(), 36u);
  net::Request broken = request("GET", "/clusters/work-1/api/v1/pods");
  broken.headers.set("Authorization", "Bearer never-to-be-seen");
  EXPECT_EQ(connect(false)->send(broken, std::chrono::seconds(20))->status, 401);
  net::Request watch = request("GET", std::string("/clusters/work-1") + kMaps + "?watch=true&timeoutSeconds=1");
  EXPECT_EQ(call(watch).status, 200);
  HttpTest::TearDown();  // what is queued is written before the server is gone

  bool saw_create = false, saw_start = false, saw_end = false, saw_401 = false;
  for (const std::string& line : lines_of(path())) {
    EXPECT_EQ(line.find("never-to-be-seen"), std::string::npos) << line;
    EXPECT_EQ(line.find(token), std::string::npos) << line;
    auto event = json::parse(line);
    ASSERT_TRUE(event) << line;
    EXPECT_EQ(json::get_string(*event, "kind"), "Event");
    if (json::get_string(*event, "auditID") == "my-own-id") {
      saw_create = true;
      EXPECT_EQ(json::get_string(*event, "verb"), "create");
      EXPECT_EQ(json::get_string(*event, "user", "username"), "admin");
      EXPECT_EQ(json::get_string(*event, "userAgent"), "test/1");
      EXPECT_EQ(json::get_string(*event, "objectRef", "name"), "a");
      EXPECT_EQ(json::get_string(*event, "requestObject", "data", "plain"), "to-be-seen");
      EXPECT_EQ(json::get_int(*event, 0, "responseStatus", "code"), 201);
      EXPECT_EQ(json::get_string(*event, "annotations", "authorization.k8s.io/decision"), "allow");
    }
    saw_401 |= json::get_int(*event, 0, "responseStatus", "code") == 401;
    if (json::get_string(*event, "verb") == "watch") (json::get_string(*event, "stage") == "ResponseStarted" ? saw_start : saw_end) = true;
  }
  EXPECT_TRUE(saw_create);
  EXPECT_TRUE(saw_start);
  EXPECT_TRUE(saw_end);
  EXPECT_TRUE(saw_401);
}

}  // namespace
}  // namespace serin::apiserver::audit
