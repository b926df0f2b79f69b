#include "app/pki.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "app/certificate_renewal.h"
#include "app/files.h"
#include "net/http_client.h"
#include "net/http_server.h"

namespace serin::app {
namespace {

using namespace std::chrono_literals;
using std::chrono::days;

mode_t mode_of(const std::string& path) {
  struct stat status {};
  EXPECT_EQ(stat(path.c_str(), &status), 0) << path;
  return status.st_mode & 07777;
}

class PkiFiles : public ::testing::Test {
 protected:
  PkiFiles() {
    char name[] = "/tmp/serin-pki-XXXXXX";
    directory_ = std::string(mkdtemp(name)) + "/pki";
  }
  ~PkiFiles() override { std::filesystem::remove_all(std::filesystem::path(directory_).parent_path()); }

  Pki load() {
    Result<Pki> pki = load_or_make_pki(directory_, clock_.now());
    EXPECT_TRUE(pki) << pki.error().message;
    return pki ? *pki : Pki{};
  }

  VirtualClock clock_;
  std::string directory_;
};

TEST_F(PkiFiles, AreForTheirOwnerAlone) {
  load();
  EXPECT_EQ(mode_of(directory_), 0700u);
  for (const char* name : {"ca.crt", "ca.key", "server.crt", "server.key", "admin.crt", "admin.key"})
    EXPECT_EQ(mode_of(directory_ + "/" + name), 0600u) << name;
  chmod(directory_.c_str(), 0755);
  load();
  EXPECT_EQ(mode_of(directory_), 0700u);
}

TEST_F(PkiFiles, AKeyThatOthersCanReadIsRefusedByName) {
  load();
  for (const char* name : {"/ca.key", "/server.key", "/admin.key"}) {
    for (mode_t loose : {0640u, 0604u, 0620u}) {
      chmod((directory_ + name).c_str(), loose);
      Result<Pki> refused = load_or_make_pki(directory_, clock_.now());
      ASSERT_TRUE(failed_with(refused, Code::kForbidden)) << name;
      EXPECT_NE(refused.error().message.find(directory_ + name), std::string::npos);
    }
    chmod((directory_ + name).c_str(), 0600);
  }
  EXPECT_TRUE(load_or_make_pki(directory_, clock_.now()));
}

TEST_F(PkiFiles, LeavesAreRenewedInTheLastThirdOfTheirLifeAndTheCaStays) {
  Pki first = load();
  clock_.advance(days(240));
  Pki same = load();
  EXPECT_EQ(same.server.certificate_pem, first.server.certificate_pem);
  clock_.advance(days(5));
  Pki later = load();
  EXPECT_NE(later.server.certificate_pem, first.server.certificate_pem);
  EXPECT_NE(later.admin.certificate_pem, first.admin.certificate_pem);
  EXPECT_EQ(later.ca_pem, first.ca_pem);
  EXPECT_TRUE(net::check_leaf(later.server, first.ca_pem));
  EXPECT_GT(net::validity(later.server.certificate_pem)->until, clock_.now() + days(360));
}

TEST_F(PkiFiles, ALeafThatDoesNotFitIsMadeAnew) {
  Pki first = load();
  ASSERT_TRUE(write_private_file(directory_ + "/server.key", first.admin.key_pem));  // as a crash between two writes
  Pki second = load();
  EXPECT_NE(second.server.certificate_pem, first.server.certificate_pem);
  EXPECT_TRUE(net::check_leaf(second.server, second.ca_pem));
  net::KeyPair other = net::make_ca("other", clock_.now()).value();
  ASSERT_TRUE(write_private_file(directory_ + "/ca.key", other.key_pem));
  ASSERT_TRUE(write_private_file(directory_ + "/ca.crt", other.certificate_pem));
  Pki third = load();
  EXPECT_TRUE(net::check_leaf(third.server, other.certificate_pem));
  EXPECT_TRUE(net::check_leaf(third.admin, other.certificate_pem));
}

TEST_F(PkiFiles, TheServersCertificateIsForAllItsNames) {
  Pki first = load();
  EXPECT_TRUE(net::check_names(first.server.certificate_pem,
                               {"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"},
                               {"127.0.0.1", "::1"}));
  EXPECT_TRUE(failed_with(net::check_names(first.server.certificate_pem, {"elsewhere"}, {}), Code::kNotFound));
  EXPECT_TRUE(failed_with(net::check_names(first.server.certificate_pem, {}, {"127.11.128.1"}), Code::kNotFound));
  Pki second = load_or_make_pki(directory_, clock_.now(), {{"machine"}, {"127.11.128.1"}}).value();
  EXPECT_TRUE(net::check_names(second.server.certificate_pem, {"machine", "localhost"}, {"127.11.128.1", "127.0.0.1"}));
  EXPECT_EQ(second.ca_pem, first.ca_pem);
  Pki fewer = load();
  EXPECT_EQ(fewer.server.certificate_pem, second.server.certificate_pem);
}

TEST(WantsRenewal, CountsThirdsOfAnyLife) {
  TimePoint from{};
  net::Validity hour{from, from + 60min};
  EXPECT_FALSE(wants_renewal(hour, from + 40min));
  EXPECT_TRUE(wants_renewal(hour, from + 41min));
  EXPECT_TRUE(wants_renewal(hour, from + 120min));
}

/// A running server gets the new certificate: clients that trust the CA never notice, whatever time it is.
TEST_F(PkiFiles, RenewalWhileRunningReachesServerAndAdministrator) {
  Pki pki = load();
  net::ServerOptions options;
  options.certificate_pem = pki.server.certificate_pem;
  options.key_pem = pki.server.key_pem;
  options.client_ca_pem = pki.ca_pem;
  auto server = net::HttpServer::start(options, [](net::Request request, std::unique_ptr<net::Responder> responder) {
                  net::Response response;
                  response.body = request.peer.common_name;
                  responder->send(std::move(response));
                }).value();
  int servers = 0, admins = 0;
  net::KeyPair admin;
  bool disk_full = true;
  CertificateRenewal renewal(directory_, pki, {},
                             {[&](const net::KeyPair& pair) -> Result<void> {
                                ++servers;
                                return server->set_certificate(pair.certificate_pem, pair.key_pem);
                              },
                              [&](const net::KeyPair& pair) -> Result<void> {
                                if (disk_full) return fail(Code::kUnavailable, "no space left");
                                ++admins;
                                admin = pair;
                                return {};
                              }},
                             clock_);
  ASSERT_TRUE(renewal.look());
  EXPECT_EQ(servers, 0);
  clock_.advance(days(300));
  EXPECT_FALSE(renewal.look());
  disk_full = false;
  ASSERT_TRUE(renewal.look());
  ASSERT_TRUE(renewal.look());
  EXPECT_EQ(servers, 1);
  EXPECT_EQ(admins, 1);
  EXPECT_NE(admin.certificate_pem, pki.admin.certificate_pem);
  EXPECT_TRUE(net::check_leaf(admin, pki.ca_pem));
  EXPECT_FALSE(server->set_certificate(admin.certificate_pem, pki.admin.key_pem));
}

}  // namespace
}  // namespace serin::app
