#include "kube/schema.h"
#include "kube/schema_path.h"

namespace serin::kube {
namespace {

class Pruner {
 public:
  explicit Pruner(std::vector<std::string>* unknown) : unknown_(unknown) {}

  void prune(json::value& v, const Schema& schema) {
    if (json::array* list = v.if_array(); list && schema.items) {
      for (size_t i = 0; i < list->size(); ++i) {
        auto scope = path_.index(i);
        prune((*list)[i], *schema.items);
      }
      return;
    }
    json::object* members = v.if_object();
    if (!members || schema.type != SchemaType::kObject) return;
    bool open = schema.preserve_unknown;
    if (open && schema.fields.empty() && !schema.values) return;
    const bool builtin = !schema.name.empty();
    for (auto at = members->begin(); at != members->end();) {
      const Field* field = schema.field(at->key());
      const Schema* inner = field ? field->schema.get() : schema.values.get();
      if (field && at->value().is_null() && !inner->nullable &&
          (builtin || !inner->default_value.is_null())) {
        at = members->stable_erase(at);
        continue;
      }
      if (!inner && !open) {
        auto scope = path_.member(at->key());
        if (unknown_) unknown_->push_back(path_.str());
        at = members->stable_erase(at);
        continue;
      }
      if (inner && (at->value().is_object() || at->value().is_array())) {
        auto scope = path_.member(at->key());
        prune(at->value(), *inner);
      }
      ++at;
    }
  }

 private:
  std::vector<std::string>* unknown_;
  FieldPath path_;
};

}  // namespace

void prune(json::value& object, const Schema& schema, std::vector<std::string>* unknown) {
  Pruner(unknown).prune(object, schema);
}

}  // namespace serin::kube
