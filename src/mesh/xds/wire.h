#pragma once

/// DeltaDiscoveryResponse on the wire without building it: the bytes of large resources are not copied but shared by
/// all streams that send them. Equal to what protobuf would write, except for the order of fields.

#include <grpcpp/support/byte_buffer.h>

#include "mesh/xds/delta_session.h"

namespace serin::mesh {

grpc::ByteBuffer encode(const DeltaResponse& response);

}  // namespace serin::mesh
