#include "apiserver/http/health.h"

#include <gtest/gtest.h>

namespace serin::apiserver {
namespace {

net::Response ask(std::string_view path, std::string query = {}, bool broken = false) {
  net::Request request;
  request.query = std::move(query);
  return health_answer(request, path, broken ? Result<void>(fail(Code::kUnavailable, "the disk is full")) : Result<void>());
}

TEST(Health, SpeaksAsKubernetes) {
  EXPECT_EQ(ask("/readyz").body, "ok");
  EXPECT_EQ(ask("/readyz", "verbose").body, "[+]ping ok\n[+]storage ok\nreadyz check passed\n");
  EXPECT_EQ(ask("/livez", "verbose=true").body, "[+]ping ok\nlivez check passed\n");
  EXPECT_EQ(ask("/readyz/ping").body, "ok");
  EXPECT_EQ(ask("/readyz/nothing").status, 404);
}

TEST(Health, AServerThatCannotWriteIsAliveButNotReady) {
  net::Response refused = ask("/readyz", "", true);
  EXPECT_EQ(refused.status, 500);
  EXPECT_EQ(refused.body, "[+]ping ok\n[-]storage failed: the disk is full\nreadyz check failed\n");
  EXPECT_EQ(ask("/livez", "", true).status, 200);
  EXPECT_EQ(ask("/readyz", "exclude=storage&verbose", true).body, "[+]ping ok\n[+]storage excluded: ok\nreadyz check passed\n");
}

TEST(Health, PathsOfItsOwn) {
  for (auto path : {"/healthz", "/livez/ping", "/readyz"}) EXPECT_TRUE(is_health_path(path));
  for (auto path : {"/", "", "/readyzz", "/api/readyz"}) EXPECT_FALSE(is_health_path(path));
}

}  // namespace
}  // namespace serin::apiserver
