#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include "base/hash.h"
#include "mesh/translate/builders.h"

namespace serin::mesh {

std::string_view type_url(ResourceType type) {
  switch (type) {
    case ResourceType::kCluster: return "type.googleapis.com/envoy.config.cluster.v3.Cluster";
    case ResourceType::kEndpoints:
      return "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";
    case ResourceType::kListener: return "type.googleapis.com/envoy.config.listener.v3.Listener";
    case ResourceType::kRoute: return "type.googleapis.com/envoy.config.route.v3.RouteConfiguration";
  }
  return "";
}

EnvoyResourcePtr seal(std::string name, const google::protobuf::Message& message,
                      std::vector<SourceRef> sources, std::vector<std::string> clusters,
                      std::vector<std::string> addresses) {
  auto out = std::make_shared<EnvoyResource>();
  out->name = std::move(name);
  {
    google::protobuf::io::StringOutputStream stream(&out->bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }
  out->version = sha256_hex(out->bytes).substr(0, 16);
  out->sources = std::move(sources);
  out->clusters = std::move(clusters);
  out->addresses = std::move(addresses);
  return out;
}

}  // namespace serin::mesh
