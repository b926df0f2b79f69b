#include <cstdlib>

#include "base/log.h"
#include "embedded/builtin_tables.h"
#include "kube/schema.h"
#include "kube/schema_tables.h"

namespace serin::kube {
namespace {

const SchemaTables& tables() {
  // Never destroyed: types that refer to themselves own each other, so that taking the tables apart would leave
  // them behind unreachable.
  static const SchemaTables& kTables = *new SchemaTables([] {
    std::vector<TableFile> files;
    for (const embedded::File& file : embedded::builtin_tables()) files.push_back({file.name, file.bytes});
    auto parsed = parse_tables(files);
    if (!parsed) {
      log::error("kube", parsed.error().message);
      std::abort();
    }
    return *std::move(parsed);
  }());
  return kTables;
}

}  // namespace

const std::vector<ResourceInfo>& builtin_resources() { return tables().resources; }

SchemaPtr builtin_type(std::string_view name) {
  auto at = tables().types.find(name);
  return at == tables().types.end() ? nullptr : at->second;
}

}  // namespace serin::kube
