// The bytes are JSON: a list of an object and a patch. Every kind of patch is tried: none may end the process, a merge
// patch may be repeated, and what comes out reads back from its text unless it nests too deeply, which the store refuses.

#include <cstdlib>
#include <string_view>

#include "data/json_check.h"
#include "data/patch.h"
#include "kube/schema.h"

namespace json = serin::json;

namespace {

void must_read_back(const json::value& doc) {
  std::string text = json::dump(doc);
  auto again = json::parse(text);
  auto checked = json::check(text, json::kMaxDepth);
  if (!checked && checked.error().message.starts_with("nested")) return;
  if (!again || json::dump(*again) != text) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const serin::kube::SchemaPtr kPod = serin::kube::builtin_type("core/v1.Pod");
  auto input = json::parse({reinterpret_cast<const char*>(data), size});
  if (!input || !input->is_array() || input->get_array().size() != 2) return 0;
  const json::value &object = input->get_array()[0], &patch = input->get_array()[1];
  if (auto patched = json::apply_patch(object, patch)) must_read_back(*patched);
  json::value once = object;
  json::merge_patch(once, patch);
  json::value twice = once;
  json::merge_patch(twice, patch);
  if (once != twice) std::abort();
  must_read_back(once);
  if (auto merged = serin::kube::strategic_merge(object, patch, *kPod)) must_read_back(*merged);
  serin::kube::Manager manager{"fuzz", "v1", "", serin::TimePoint()};
  if (auto applied = serin::kube::server_side_apply(object, patch, manager, true, *kPod)) must_read_back(*applied);
  return 0;
}
