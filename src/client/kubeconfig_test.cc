#include "client/kubeconfig.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/strings.h"

namespace serin::client {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class KubeconfigFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "kubeconfig-test-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override { fs::remove_all(directory_); }

  std::string put(const std::string& name, const std::string& text) {
    std::ofstream(directory_ / name) << text;
    return (directory_ / name).string();
  }

  fs::path directory_;
};

constexpr const char* kFirst = R"(
apiVersion: v1
kind: Config
current-context: work
clusters:
- name: a
  cluster:
    server: https://127.0.0.1:6443/clusters/work-1
    certificate-authority: ca.pem
    tls-server-name: work.example
- name: open
  cluster: {server: "http://localhost:8080", insecure-skip-tls-verify: true}
users:
- name: jane
  user: {client-certificate-data: Q0VSVA==, client-key-data: S0VZ}
- name: robot
  user: {tokenFile: token}
- name: cloud
  user:
    exec: {apiVersion: client.authentication.k8s.io/v1, command: cloud-login}
- name: other
  user: {token: t, as: admin}
contexts:
- name: work
  context: {cluster: a, user: jane, namespace: demo}
- name: bot
  context: {cluster: open, user: robot}
- name: cloudy
  context: {cluster: a, user: cloud}
- name: disguised
  context: {cluster: a, user: other}
- name: dangling
  context: {cluster: nowhere, user: jane}
- name: anonymous
  context: {cluster: open}
)";

TEST_F(KubeconfigFiles, ContextsWithEmbeddedAndFileCredentials) {
  put("ca.pem", "CA");
  Kubeconfig config = Kubeconfig::load({put("config", kFirst)}).value();
  EXPECT_EQ(config.current_context(), "work");
  KubeContext work = config.context().value();
  EXPECT_EQ(work.server, "https://127.0.0.1:6443/clusters/work-1");
  EXPECT_EQ(work.ca_pem, "CA");
  EXPECT_EQ(work.tls_server_name, "work.example");
  EXPECT_EQ(work.certificate_pem, "CERT");
  EXPECT_EQ(work.key_pem, "KEY");
  EXPECT_EQ(work.ns, "demo");
  KubeContext bot = config.context("bot").value();
  EXPECT_TRUE(bot.insecure_skip_tls_verify);
  EXPECT_EQ(bot.token_file, (directory_ / "token").string());
  EXPECT_EQ(config.context("anonymous").value().token, "");
}

TEST_F(KubeconfigFiles, WhatIsWrongIsSaidOnlyWhereItMatters) {
  Kubeconfig config = Kubeconfig::load({put("config", kFirst)}).value();
  auto message = [&](const char* name) {
    auto context = config.context(name);
    return context ? std::string() : context.error().message;
  };
  EXPECT_THAT(message("work"), HasSubstr("ca.pem"));  // the file is not there
  put("ca.pem", "CA");
  EXPECT_THAT(message("cloudy"), HasSubstr("\"cloud-login\" (exec), which is not supported"));
  EXPECT_THAT(message("disguised"), HasSubstr("impersonation"));
  EXPECT_THAT(message("dangling"), HasSubstr("no cluster \"nowhere\""));
  EXPECT_THAT(message("missing"), HasSubstr("it has: work, bot"));
  EXPECT_EQ(message("bot"), "");
}

TEST_F(KubeconfigFiles, TheFirstOfSeveralFilesWins) {
  put("ca.pem", "CA");
  std::string first = put("one", kFirst);
  std::string second = put("two", R"({"current-context": "x",
    "clusters": [{"name": "open", "cluster": {"server": "http://other"}}, {"name": "n", "cluster": {"server": "http://n"}}],
    "contexts": [{"name": "x", "context": {"cluster": "n"}}]})");
  Kubeconfig config = Kubeconfig::load({"/does/not/exist", first, second}).value();
  EXPECT_EQ(config.current_context(), "work");
  EXPECT_EQ(config.context("bot").value().server, "http://localhost:8080");
  EXPECT_EQ(config.context("x").value().server, "http://n");
  EXPECT_TRUE(failed_with(Kubeconfig::load({"/does/not/exist"}), Code::kNotFound));
}

TEST_F(KubeconfigFiles, BadFilesAreNamed) {
  auto bad = Kubeconfig::load({put("config", "clusters: [\n")});
  ASSERT_FALSE(bad);
  EXPECT_THAT(bad.error().message, HasSubstr("config: "));
  EXPECT_THAT(bad.error().message, HasSubstr("line"));
  EXPECT_FALSE(Kubeconfig::load({put("config", "kind: Pod")}));
  EXPECT_FALSE(Kubeconfig::load({put("config", "- a")}));
}

TEST_F(KubeconfigFiles, WritesWhatItReads) {
  std::string path = (directory_ / "written").string();
  KubeContext hub{.name = "hub",
                  .server = "https://127.0.0.1:1/clusters/hub",
                  .ca_pem = "CA\n",
                  .certificate_pem = "C",
                  .key_pem = "K"};
  KubeContext work{.name = "work-1",
                   .server = "https://127.0.0.1:1/clusters/work-1",
                   .insecure_skip_tls_verify = true,
                   .token = "yes",
                   .ns = "demo"};
  ASSERT_TRUE(write_kubeconfig(path, {hub, work}, "hub"));
  struct stat info{};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  Kubeconfig config = Kubeconfig::load({path}).value();
  EXPECT_THAT(config.context_names(), ElementsAre("hub", "work-1"));
  KubeContext read = config.context().value();
  EXPECT_EQ(read.server, hub.server);
  EXPECT_EQ(read.ca_pem, hub.ca_pem);
  EXPECT_EQ(read.certificate_pem, "C");
  read = config.context("work-1").value();
  EXPECT_EQ(read.token, "yes");
  EXPECT_EQ(read.ns, "demo");
  EXPECT_TRUE(read.insecure_skip_tls_verify);
  EXPECT_EQ(std::distance(fs::directory_iterator(directory_), fs::directory_iterator()),
            1);  // nothing left over
  EXPECT_FALSE(write_kubeconfig((directory_ / "no" / "such").string(), {hub}, "hub"));
}

TEST(KubeconfigPaths, FlagThenVariableThenHome) {
  EXPECT_THAT(kubeconfig_files("/f", "/a:/b", "/h"), ElementsAre("/f"));
  EXPECT_THAT(kubeconfig_files("", "/a::/b", "/h"), ElementsAre("/a", "/b"));
  EXPECT_THAT(kubeconfig_files("", "", "/h"), ElementsAre("/h/.kube/config"));
}

}  // namespace
}  // namespace serin::client
