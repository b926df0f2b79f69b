// The transcoder of src/kube/protobuf.h for a test program in another language. Requests on stdin and answers on stdout
// are frames: 4 bytes of length, big-endian, and that many bytes. A request is one letter and its data: `k` lists the
// kinds, one "apiVersion,kind" a line; `d` turns an envelope into JSON; `e` turns JSON into an envelope; `v` makes the OpenAPI
// v2 document of all built-in kinds and of a JSON list of CRDs, `g` the same for gnostic. An answer is '+' and the result,
// or '-' and the error's text.

#include <cstdio>
#include <set>
#include <string>

#include "base/strings.h"
#include "kube/openapi_v2.h"
#include "kube/protobuf.h"
#include "kube/protobuf_types.h"
#include "kube/schema.h"

namespace {

using namespace serin;

bool read_frame(std::string& frame) {
  unsigned char head[4];
  if (std::fread(head, 1, 4, stdin) != 4) return false;
  frame.resize(size_t{head[0]} << 24 | size_t{head[1]} << 16 | size_t{head[2]} << 8 | head[3]);
  return std::fread(frame.data(), 1, frame.size(), stdin) == frame.size();
}

void write_frame(const std::string& bytes) {
  auto size = static_cast<uint32_t>(bytes.size());
  for (int shift = 24; shift >= 0; shift -= 8) std::putchar(static_cast<int>(size >> shift & 0xff));
  std::fwrite(bytes.data(), 1, bytes.size(), stdout);
  std::fflush(stdout);
}

/// The resource of a CRD's first version, as far as OpenAPI is concerned.
Result<kube::ResourceInfo> custom_resource(const json::value& crd) {
  kube::ResourceInfo info;
  auto name = [&](const char* what) { return std::string(json::get_string(crd, "spec", "names", what)); };
  const json::value& version = json::items(crd, "spec", "versions").front();
  info.resource = {std::string(json::get_string(crd, "spec", "group")), std::string(json::get_string(version, "name")),
                   name("plural"), name("kind"), json::get_string(crd, "spec", "scope") == "Namespaced"};
  info.list_kind = concat(info.resource.kind, "List");
  info.verbs = {"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"};
  info.custom = true;
  info.schema = SERIN_TRY(kube::schema_from_openapi(*json::find(version, "schema", "openAPIV3Schema")));
  return info;
}

Result<json::value> openapi_v2(const json::value& crds) {
  std::vector<kube::ResourceInfo> resources = kube::builtin_resources();
  for (const json::value& crd : crds.get_array()) resources.push_back(SERIN_TRY(custom_resource(crd)));
  std::set<kube::GroupVersion> versions;
  std::vector<const kube::ResourceInfo*> all;
  for (const kube::ResourceInfo& info : resources) {
    versions.insert({info.resource.group, info.resource.version});
    all.push_back(&info);
  }
  kube::OpenApiV2 out;
  for (const kube::GroupVersion& gv : versions) out.add(kube::openapi_v3(gv, all));
  return out.finish();
}

Result<std::string> answer(char what, std::string_view data) {
  if (what == 'd') return json::dump(SERIN_TRY(kube::object_from_protobuf(data)));
  if (what == 'e') return kube::protobuf_from_object(SERIN_TRY(json::parse(data)));
  if (what == 'v') return json::dump(SERIN_TRY(openapi_v2(SERIN_TRY(json::parse(data)))));
  if (what == 'g') return kube::gnostic_v2(SERIN_TRY(openapi_v2(SERIN_TRY(json::parse(data)))));
  std::string kinds;
  for (const auto& [api_version, kind] : kube::message_kinds()) kinds += concat(api_version, ',', kind, '\n');
  return kinds;
}

}  // namespace

int main() {
  std::string frame;
  while (read_frame(frame) && !frame.empty()) {
    auto result = answer(frame[0], std::string_view(frame).substr(1));
    write_frame(result ? concat('+', *result) : concat('-', result.error().message));
  }
}
