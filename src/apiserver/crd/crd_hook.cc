#include "apiserver/crd/crd.h"
#include "apiserver/rest/builtin_rules.h"
#include "apiserver/rest/rest.h"
#include "kube/schema.h"

namespace serin::apiserver {

std::function<void()> Rest::crd_hook(const Target& target, const json::value& doc) const {
  if (!is_resource(*target.resource, "apiextensions.k8s.io", "customresourcedefinitions")) return {};
  std::vector<ServedPtr> resources;
  if (!doc.is_null())
    if (auto served = served_by(doc)) resources = *std::move(served);
  // Runs in commit order, so that what is served follows what is stored.
  return [cluster = target.cluster, name = std::string(target.name.name), resources = std::move(resources)] {
    cluster->set_catalog(cluster->catalog()->with_crd(name, resources));
  };
}

void Rest::fit_custom_objects(const Target& crd_target, const kube::Object& written) {
  ServedPtr served = crd_target.cluster->catalog()->find_resource(json::get_string(written.doc(), "spec", "group"),
                                                                  json::get_string(written.doc(), "spec", "names", "plural"));
  if (!served || served->crd != written.name()) return;
  Target all{crd_target.cluster, served, {}, {}};
  auto listing = store_.list(all.collection(), {});
  if (!listing) return;
  for (const EntryPtr& entry : listing->entries) {
    Target one{crd_target.cluster, served, entry->name, {}};
    auto plan = [served](const kube::Object& current) -> Result<Step> {
      if (current.empty()) return fail(Code::kNotFound, "it is gone");
      Step step;
      step.doc = current.doc();
      kube::prune(step.doc, *served->schema, nullptr);
      kube::apply_defaults(step.doc, *served->schema);
      if (step.doc != current.doc()) step.kind = Step::Kind::kPut;
      return step;
    };
    run(std::move(one), std::move(plan), false, [](Result<Outcome>) {});
  }
}

void Rest::accept_free_names(const Target& crd_target, const kube::Object& written) {
  auto listing = store_.list(crd_target.collection(), {});
  if (!listing) return;
  for (const EntryPtr& entry : listing->entries) {
    kube::Object other = cache_.get(entry);
    if (entry->name.name == written.name() || kube::condition_true(other, "NamesAccepted") || other.deleting() ||
        json::get_string(other.doc(), "spec", "group") != json::get_string(written.doc(), "spec", "group"))
      continue;
    Target target{crd_target.cluster, crd_target.resource, entry->name, {}};
    auto plan = [this, target](const kube::Object& current) -> Result<Step> {
      if (current.empty()) return fail(not_found(*target.resource, target.name.name));
      client::WriteOptions options;
      options.field_manager = "serin";
      return plan_update(target, current, current.doc(), options, false);
    };
    run(target, std::move(plan), false, [](Result<Outcome>) {});
  }
}

}  // namespace serin::apiserver
