#include "apiserver/http/request_info.h"

#include <gtest/gtest.h>

namespace serin::apiserver {
namespace {

net::Request get(const char* query) {
  net::Request request;
  request.method = "GET";
  request.path = "/clusters/work-1/api/v1/pods";
  request.query = query;
  return request;
}

TEST(RequestInfo, TruthOfAParameter) {
  for (const char* query : {"force=true", "force=True", "force=1", "force=", "force", "force=yes"})
    EXPECT_TRUE(is_set(get(query), "force")) << query;
  for (const char* query : {"", "force=false", "force=False", "force=0", "forced=true"})
    EXPECT_FALSE(is_set(get(query), "force")) << query;
}

TEST(RequestInfo, AWatchIsAListThatSaysSo) {
  EXPECT_EQ(parse_request(get("watch=True")).verb, "watch");
  EXPECT_EQ(parse_request(get("watch=1")).verb, "watch");
  EXPECT_EQ(parse_request(get("watch=false")).verb, "list");
  EXPECT_EQ(parse_request(get("")).verb, "list");
}

TEST(RequestInfo, AUrlIsUtf8) {
  EXPECT_TRUE(parse_request(get("labelSelector=a%3Dc%C3%A9")).proper);
  EXPECT_FALSE(parse_request(get("fieldManager=%ff")).proper);
  net::Request request = get("");
  request.path = "/clusters/work-1/api/v1/namespaces/%e9/pods";
  EXPECT_FALSE(parse_request(request).proper);
}

}  // namespace
}  // namespace serin::apiserver
