#include "apiserver/catalog.h"

#include <algorithm>
#include <tuple>

#include "apiserver/stored_object.h"
#include "base/hash.h"
#include "base/strings.h"

namespace serin::apiserver {
namespace {

/// Subresources of the tables that are served; of the others (exec, proxy, ...) HTTP says that they are not yet.
bool is_served_subresource(std::string_view name) {
  for (std::string_view served : {"log", "finalize", "eviction", "binding", "ephemeralcontainers", "resize", "approval", "token"})
    if (name == served) return true;
  return false;
}

const kube::SchemaPtr& anything() {
  static const kube::SchemaPtr kAnything = [] {
    auto schema = std::make_shared<kube::Schema>();
    schema->type = kube::SchemaType::kObject;
    schema->preserve_unknown = true;
    return schema;
  }();
  return kAnything;
}

/// (stability, major, minor) of "v1beta2"; stability 0 for what is no Kubernetes version.
std::tuple<int, int, int> rank(std::string_view version) {
  size_t i = 1;
  auto number = [&] {
    int value = 0;
    size_t start = i;
    while (i < version.size() && version[i] >= '0' && version[i] <= '9') value = value * 10 + version[i++] - '0';
    return i == start ? -1 : value;
  };
  if (version.size() < 2 || version[0] != 'v') return {0, 0, 0};
  int major = number();
  if (major < 0) return {0, 0, 0};
  if (i == version.size()) return {3, major, 0};
  for (auto [word, stability] : {std::pair{std::string_view("beta"), 2}, {std::string_view("alpha"), 1}}) {
    if (version.substr(i, word.size()) != word) continue;
    i += word.size();
    int minor = number();
    if (minor >= 0 && i == version.size()) return {stability, major, minor};
  }
  return {0, 0, 0};
}

}  // namespace

bool version_before(std::string_view a, std::string_view b) {
  auto left = rank(a), right = rank(b);
  if (left != right) return left > right;
  return std::get<0>(left) == 0 && a < b;
}

bool ServedResource::has_subresource(std::string_view name) const {
  if (name.empty()) return true;
  if (name == "status") return info.status_subresource;
  if (name == "scale") return info.scale.has_value();
  return std::find(info.other_subresources.begin(), info.other_subresources.end(), name) !=
         info.other_subresources.end();
}

kube::Object ServedResource::shown(const kube::Object& stored) const {
  return conversion ? kube::Object(conversion->to_served(stored.doc())) : in_version(stored, info.resource.api_version());
}

std::string ServedResource::stored(const json::value& doc) const {
  const std::string& kind = info.resource.kind;
  return conversion ? stored_text(conversion->to_stored(doc), storage_api_version, kind) : stored_text(doc, storage_api_version, kind);
}

std::shared_ptr<const Catalog> Catalog::builtin() {
  std::vector<ServedPtr> all;
  for (const kube::ResourceInfo& info : kube::builtin_resources()) {
    auto served = std::make_shared<ServedResource>();
    served->info = info;
    std::erase_if(served->info.other_subresources,
                  [](const std::string& name) { return !is_served_subresource(name); });
    served->schema = info.schema ? info.schema : anything();
    served->conversion = kube::conversion_of(info.resource);
    served->storage_api_version = served->conversion ? served->conversion->stored.api_version() : info.resource.api_version();
    all.push_back(std::move(served));
  }
  return std::make_shared<const Catalog>(std::move(all));
}

Catalog::Catalog(std::vector<ServedPtr> all) : all_(std::move(all)) {
  std::sort(all_.begin(), all_.end(), [](const ServedPtr& a, const ServedPtr& b) {
    const kube::Resource &left = a->resource(), &right = b->resource();
    if (left.group != right.group) return left.group < right.group;
    if (left.version != right.version) return version_before(left.version, right.version);
    return left.plural < right.plural;
  });
  std::string text;
  for (const ServedPtr& served : all_) {
    const kube::Resource& r = served->resource();
    by_path_[concat(r.group, '/', r.version, '/', r.plural)] = served;
    by_kind_.emplace(kube::GroupVersionKind{r.group, r.version, r.kind}, served);
    text += concat(r.group, '/', r.version, '/', r.plural, '/', r.kind, r.namespaced ? 'n' : 'c',
                   served->info.status_subresource ? 's' : '-', served->info.scale ? 's' : '-',
                   served->info.singular, join(served->info.short_names, ","),
                   join(served->info.categories, ","), '\n');
  }
  fingerprint_ = sha256_hex(text).substr(0, 32);
}

ServedPtr Catalog::find(std::string_view group, std::string_view version, std::string_view plural) const {
  auto found = by_path_.find(concat(group, '/', version, '/', plural));
  return found == by_path_.end() ? nullptr : found->second;
}

ServedPtr Catalog::find_kind(const kube::GroupVersionKind& gvk) const {
  auto found = by_kind_.find(gvk);
  return found == by_kind_.end() ? nullptr : found->second;
}

ServedPtr Catalog::find_resource(std::string_view group, std::string_view plural) const {
  ServedPtr found;
  for (const ServedPtr& served : all_) {
    if (served->resource().group != group || served->resource().plural != plural) continue;
    if (served->resource().api_version() == served->storage_api_version) return served;
    if (!found) found = served;
  }
  return found;
}

std::vector<std::string> Catalog::versions(std::string_view group) const {
  std::vector<std::string> found;
  for (const ServedPtr& served : all_)
    if (served->resource().group == group && (found.empty() || found.back() != served->resource().version))
      found.push_back(served->resource().version);
  return found;
}

std::vector<std::string> Catalog::groups() const {
  std::vector<std::string> found;
  for (const ServedPtr& served : all_)
    if (found.empty() || found.back() != served->resource().group) found.push_back(served->resource().group);
  return found;
}

bool Catalog::serves(const kube::GroupVersion& gv) const {
  for (const ServedPtr& served : all_)
    if (served->resource().group == gv.group && served->resource().version == gv.version) return true;
  return false;
}

std::shared_ptr<const Catalog> Catalog::with_crd(const std::string& crd,
                                                 const std::vector<ServedPtr>& resources) const {
  std::vector<ServedPtr> all;
  for (const ServedPtr& served : all_)
    if (served->crd != crd) all.push_back(served);
  all.insert(all.end(), resources.begin(), resources.end());
  return std::make_shared<const Catalog>(std::move(all));
}

}  // namespace serin::apiserver
