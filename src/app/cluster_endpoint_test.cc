#include "app/cluster_endpoint.h"

#include <gtest/gtest.h>

#include "cluster/service_addresses.h"

namespace serin::app {
namespace {

TEST(ClusterEndpoint, ServesOneClusterAtTheRoot) {
  std::string seen;
  net::Handler handler = one_cluster("work-1", [&](net::Request request, std::unique_ptr<net::Responder>) { seen = request.path; });
  struct Row {
    const char *asked, *served;
  };
  for (const Row& row : {Row{"/api/v1/pods", "/clusters/work-1/api/v1/pods"}, Row{"/", "/clusters/work-1/"},
                         Row{"/clusters/work-1/openapi/v3/api/v1", "/clusters/work-1/openapi/v3/api/v1"},
                         Row{"/clusters/work-1", "/clusters/work-1"},
                         Row{"/clusters/work-10/api", "/clusters/work-1/clusters/work-10/api"},
                         Row{"/clusters/hub/api", "/clusters/work-1/clusters/hub/api"}}) {
    net::Request request;
    request.path = row.asked;
    handler(std::move(request), nullptr);
    EXPECT_EQ(seen, row.served) << row.asked;
  }
}

TEST(ClusterEndpoint, ItsAddressIsAServiceAddressThatNoOtherServiceGets) {
  cluster::ServiceAddressAllocator addresses(3);
  EXPECT_EQ(cluster_endpoint_address(3), "127.13.128.1");
  EXPECT_TRUE(addresses.contains(cluster_endpoint_address(3)));
  auto assigned = addresses.assign(kubernetes_service(cluster_endpoint_address(3), 443), {});
  ASSERT_TRUE(assigned);
  EXPECT_EQ(json::get_string(assigned->doc(), "spec", "clusterIP"), "127.13.128.1");
}

}  // namespace
}  // namespace serin::app
