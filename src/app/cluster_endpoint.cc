#include "app/cluster_endpoint.h"

#include "base/strings.h"

namespace serin::app {

std::string cluster_endpoint_address(int number) { return concat("127.", 10 + number, ".128.1"); }

net::Handler one_cluster(std::string cluster, net::Handler all) {
  return [prefix = concat("/clusters/", cluster), all = std::move(all)](net::Request request, std::unique_ptr<net::Responder> responder) {
    bool whole = request.path.starts_with(prefix) && (request.path.size() == prefix.size() || request.path[prefix.size()] == '/');
    if (!whole) request.path.insert(0, prefix);
    all(std::move(request), std::move(responder));
  };
}

kube::Object kubernetes_service(const std::string& address, int port) {
  return kube::Object(json::object{
      {"apiVersion", "v1"},
      {"kind", "Service"},
      {"metadata", json::object{{"name", "kubernetes"},
                                {"namespace", "default"},
                                {"labels", json::object{{"component", "apiserver"}, {"provider", "kubernetes"}}},
                                {"annotations", json::object{{"serin.io/bind", "api-server"}}}}},
      {"spec", json::object{{"clusterIP", address},
                            {"ports", json::array{json::object{{"name", "https"}, {"port", port}, {"protocol", "TCP"}, {"targetPort", port}}}}}}});
}

}  // namespace serin::app
