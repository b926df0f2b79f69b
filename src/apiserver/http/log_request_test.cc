#include "apiserver/http/log_request.h"

#include <gtest/gtest.h>

#include "base/strings.h"
#include "base/time.h"

namespace serin::apiserver {
namespace {

const TimePoint kNow = *parse_time("2026-01-01T01:00:00Z");

kube::Object pod() {
  return kube::Object(json::parse(R"({"metadata":{"name":"p"},"spec":{"containers":[{"name":"a"},{"name":"b"}],"initContainers":[{"name":"i"}],
    "ephemeralContainers":[{"name":"e"}]},"status":{"containerStatuses":[
      {"name":"a","state":{"waiting":{"reason":"ContainerCreating"}}},
      {"name":"b","state":{"waiting":{"reason":"CrashLoopBackOff"}},"lastState":{"terminated":{"exitCode":1}}}],
    "initContainerStatuses":[{"name":"i","state":{"running":{}}}]}})").value());
}

Result<LogOptions> read(std::string query) {
  net::Request request;
  request.query = std::move(query);
  return read_log_options(request, pod(), kNow);
}

TEST(LogRequest, RefusesInKubernetesWords) {
  struct Row { const char* query; Code code; const char* message; };
  for (const Row& row : {
           Row{"", Code::kBadRequest, "a container name must be specified for pod p, choose one of: [a b] or one of the init containers: [i]"},
           Row{"container=x", Code::kBadRequest, "container x is not valid for pod p"},
           Row{"container=a", Code::kBadRequest, "container \"a\" in pod \"p\" is waiting to start: ContainerCreating"},
           Row{"container=i&previous=true", Code::kBadRequest, "previous terminated container \"i\" in pod \"p\" not found"},
           Row{"container=b&tailLines=-1", Code::kInvalid, "PodLogOptions \"p\" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0"},
           Row{"container=b&limitBytes=0", Code::kInvalid, "PodLogOptions \"p\" is invalid: limitBytes: Invalid value: 0: must be greater than 0"},
           Row{"container=b&tailLines=x", Code::kBadRequest, "strconv.ParseInt: parsing \"x\": invalid syntax"},
           Row{"container=b&sinceTime=yesterday", Code::kBadRequest, "parsing time \"yesterday\" as RFC 3339"}}) {
    auto options = read(row.query);
    ASSERT_TRUE(failed_with(options, row.code)) << row.query;
    EXPECT_EQ(options.error().message, row.message);
  }
}

TEST(LogRequest, ReadsWhatKubectlSends) {
  auto options = read("container=b&follow=true&previous=true&timestamps=true&tailLines=5&limitBytes=9&sinceSeconds=60");
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_TRUE(options->follow && options->previous && options->timestamps);
  EXPECT_EQ(options->tail_lines, 5);
  EXPECT_EQ(options->limit_bytes, 9);
  EXPECT_EQ(options->since, kNow - std::chrono::seconds(60));
  EXPECT_TRUE(read("container=e")) << "an ephemeral container";
  EXPECT_EQ(read("container=i&sinceTime=2026-01-01T00:00:00Z")->since, *parse_time("2026-01-01T00:00:00Z"));
}

}  // namespace
}  // namespace serin::apiserver
