// Admission sees who writes, whichever way the write came.

#include "apiserver/testing/http_fixture.h"

namespace serin::apiserver {
namespace {

class Recorder final : public Admission {
 public:
  Result<void> admit(AdmissionRequest& request) override {
    if (request.resource.plural == "configmaps") users.push_back(request.user.name);
    return {};
  }
  std::vector<std::string> users;
};

class UserTest : public HttpTest {
 protected:
  void configure(ServerOptions& options) override { options.admission.push_back(&recorder_); }
  Recorder recorder_;
};

TEST_F(UserTest, ReachesAdmission) {
  ASSERT_TRUE(client_->create(kube::kConfigMaps, config_map("a")));
  const std::string maps = "/api/v1/namespaces/default/configmaps";
  EXPECT_EQ(call("POST", maps, json::dump(config_map("b").doc())).status, 201);
  EXPECT_EQ(call("PATCH", maps + "/b", R"({"data":{"x":"y"}})", "application/merge-patch+json").status, 200);
  EXPECT_EQ(call("DELETE", maps + "/b").status, 200);
  EXPECT_EQ(call("DELETE", maps).status, 200);
  EXPECT_EQ(recorder_.users, (std::vector<std::string>{"system:serin", "admin", "admin", "admin", "admin"}));
}

}  // namespace
}  // namespace serin::apiserver
