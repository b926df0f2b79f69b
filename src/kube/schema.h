#pragma once

/// The one schema model. Built-in kinds enter it from the tables under api/builtin/, custom resources from their
/// CRD's OpenAPI v3 schema; pruning, defaulting, validation, strategic merge, server-side apply and the OpenAPI
/// documents all read it, and no kind has code of its own for any of these.
///
/// Schemas are immutable and shared; a schema may refer to itself through named types (JSONSchemaProps).

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "data/json.h"
#include "kube/types.h"

namespace re2 {
class RE2;
}

namespace serin::kube {

namespace cel {
struct RuleNode;
}

struct Schema;
using SchemaPtr = std::shared_ptr<const Schema>;

enum class SchemaType { kAny, kObject, kArray, kString, kInteger, kNumber, kBoolean, kIntOrString };
enum class ListType { kAtomic, kSet, kMap };

struct Field;

struct Schema {
  SchemaType type = SchemaType::kAny;
  std::string name;                ///< the named type, such as "core/v1.PodSpec"; empty for anonymous ones
  std::string format;              ///< "int32", "int64", "date-time", "byte", "quantity", "duration", ...
  std::string description;
  bool nullable = false;
  bool preserve_unknown = false;   ///< unknown members are kept (RawExtension, x-kubernetes-preserve-unknown-fields)
  bool embedded_resource = false;  ///< apiVersion, kind, metadata inside

  // Objects.
  std::vector<Field> fields;       ///< declared members, in the type's order
  SchemaPtr values;                ///< additionalProperties: a map
  bool atomic = false;             ///< x-kubernetes-map-type: atomic
  std::vector<std::string> required;

  // Arrays.
  SchemaPtr items;
  ListType list_type = ListType::kAtomic;   ///< for server-side apply and validation
  std::vector<std::string> list_keys;       ///< for kMap
  std::string merge_key;                    ///< strategic merge; empty with `merge` for primitive sets
  bool merge = false;                       ///< patchStrategy merge
  bool retain_keys = false;                 ///< patchStrategy retainKeys

  // Values.
  json::value default_value;                ///< null: none
  std::vector<json::value> enumeration;
  std::string pattern;
  std::shared_ptr<const re2::RE2> compiled_pattern;  ///< of `pattern`, where it is not empty
  std::optional<double> minimum, maximum;
  bool exclusive_minimum = false, exclusive_maximum = false;
  std::optional<double> multiple_of;
  std::optional<int64_t> min_length, max_length, min_items, max_items, min_properties, max_properties;
  std::vector<SchemaPtr> all_of, any_of, one_of;  ///< value validation only
  SchemaPtr negation;
  std::shared_ptr<const cel::RuleNode> rules;  ///< at the root: x-kubernetes-validations, compiled (cel/rules.h)

  const Field* field(std::string_view json_name) const;
};

struct Field {
  std::string name;    ///< JSON name
  SchemaPtr schema;
  int proto_number = 0;  ///< protobuf field number of a built-in type; 0 where unknown
  int proto_parent = 0;  ///< where not 0: on the wire the field stands inside a message with this number,
                         ///< while JSON has it inlined (Volume, Probe, SecretKeySelector, ...)
  bool pointer = false;  ///< Go holds it by pointer: absent differs from zero, and protobuf has it only where it is set.
                         ///< Any other number, flag, string or message Go holds by value: protobuf always has it, and
                         ///< a zero was not meant.
};

/// One column of `kubectl get`.
struct PrinterColumn {
  std::string name, type, format, json_path, description;
  int priority = 0;  ///< > 0: only with -o wide
};

/// A resource as discovery describes it, with the schema of its kind.
struct ResourceInfo {
  Resource resource;
  std::string singular, list_kind;
  std::vector<std::string> short_names, categories, verbs;
  SchemaPtr schema;                 ///< null: anything goes
  bool status_subresource = false;  ///< "status" is written only through /status
  bool has_generation = false;      ///< metadata.generation counts spec changes
  struct Scale {
    std::string spec_replicas, status_replicas, selector;  ///< JSON paths such as ".spec.replicas"
  };
  std::optional<Scale> scale;
  std::vector<std::string> other_subresources;  ///< "log", "eviction", "token", ...
  std::vector<PrinterColumn> columns;
  std::vector<std::string> selectable_fields;   ///< beyond metadata.name and metadata.namespace
  bool custom = false;                          ///< from a CRD
};

/// The built-in resources, parsed once from the embedded tables. Sorted by group, version, plural.
const std::vector<ResourceInfo>& builtin_resources();
/// A built-in named type such as "core/v1.PodTemplateSpec"; null where there is none.
SchemaPtr builtin_type(std::string_view name);

/// Where a CRD's schema comes from: a schema that was let in once is not refused for what its rules may cost, and one
/// that stands in the store is not refused for its rules at all; those that do not compile refuse every object.
enum class SchemaUse { kNew, kUnchanged, kStored };

/// A schema from the openAPIV3Schema of a CRD version. Errors are kInvalid with causes naming the fields that
/// make it non-structural, and the rules that do not compile or may cost too much. Our own CRDs may say `x-serin-type: core/v1.PodTemplateSpec` in place of a copy of a
/// built-in schema; defaults of that type do not come with it (but for the keys of keyed lists).
Result<SchemaPtr> schema_from_openapi(const json::value& openapi, SchemaUse use = SchemaUse::kNew);

// ---- operations; all pure ----

/// Removes members the schema does not know and, where it is not nullable, nulls that have a default.
/// Paths of what was removed ("spec.replcias") are appended to `unknown` where it is not null.
void prune(json::value& object, const Schema& schema, std::vector<std::string>* unknown);

/// Fills in defaults wherever a member is missing and its parent is there.
void apply_defaults(json::value& object, const Schema& schema);

/// What is wrong with a value, with field paths as Kubernetes writes them: "spec.containers[0].name".
/// Causes carry the reasons FieldValueRequired, FieldValueInvalid, FieldValueTypeInvalid,
/// FieldValueNotSupported, FieldValueDuplicate, FieldValueTooLong, ...
std::vector<Cause> validate(const json::value& object, const Schema& schema);

/// What is wrong with a custom resource: as `validate`, then the rules of the schema. On an update (`old` is not null) a
/// value that is what it was is not complained about (KEP-4008); elements of lists without keys have no past.
std::vector<Cause> validate_custom(const json::value& object, const json::value* old, const Schema& schema);

/// A strategic merge patch with all its directives ($patch, $retainKeys, $deleteFromPrimitiveList,
/// $setElementOrder). kBadRequest for a malformed patch.
Result<json::value> strategic_merge(const json::value& object, const json::value& patch,
                                    const Schema& schema);

/// Server-side apply and the bookkeeping of metadata.managedFields.
struct Manager {
  std::string name, api_version, subresource;
  TimePoint now;
};
/// Applies `config` (the manager's whole wish) to `live` (null for a new object). Conflicts with other managers
/// are kConflict with causes FieldManagerConflict unless `force`. Fields that the manager stops to set and
/// nobody else owns are removed. The answer has managedFields updated; where nothing changed it equals `live`.
Result<json::value> server_side_apply(const json::value& live, const json::value& config,
                                      const Manager& manager, bool force, const Schema& schema);
/// After any other write: gives the manager the fields that differ between `before` (null on create) and
/// `after`, and takes them from the others. Does nothing where nothing changed.
void track_update(const json::value& before, json::value& after, const Manager& manager,
                  const Schema& schema);

/// OpenAPI v3 of one group and version: components and the paths that kubectl looks at.
json::value openapi_v3(const GroupVersion& gv, const std::vector<const ResourceInfo*>& resources);

}  // namespace serin::kube
