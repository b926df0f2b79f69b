#include "kube/schema.h"

namespace serin::kube {

const Field* Schema::field(std::string_view json_name) const {
  for (const Field& field : fields)
    if (field.name == json_name) return &field;
  return nullptr;
}

}  // namespace serin::kube
