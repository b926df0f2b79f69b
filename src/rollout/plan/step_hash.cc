#include "rollout/plan/step_hash.h"

#include <algorithm>
#include <vector>

#include "base/hash.h"

namespace serin::rollout {
namespace {

/// How Go's encoder treats one member of a struct.
enum class Presence {
  kPointer,    ///< omitempty on a pointer: left out only when nil
  kNonEmpty,   ///< omitempty on a string, number, bool, list or map: left out when empty
  kString,     ///< always there; "" when unset
  kNumber,     ///< always there; 0 when unset
  kNullable,   ///< always there; null when unset
  kStruct,     ///< a struct by value: always there, omitempty or not
};

struct Shape;
struct Member {
  const char* name;
  Presence presence;
  const Shape* shape = nullptr;  ///< of the member, its list's items or its map's values; null: a plain value
};
struct Shape {
  std::vector<Member> members;
  bool map = false;  ///< a map of `members[0].shape`
};

const Shape& canary_step() {
  using enum Presence;
  static const Shape string_match{{{"exact", kNonEmpty}, {"prefix", kNonEmpty}, {"regex", kNonEmpty}}};
  static const Shape pause{{{"duration", kPointer}}};
  static const Shape canary_scale{
      {{"weight", kPointer}, {"replicas", kPointer}, {"matchTrafficWeight", kNonEmpty}}};
  static const Shape header_match{{{"headerName", kString}, {"headerValue", kNullable, &string_match}}};
  static const Shape header_route{{{"name", kNonEmpty}, {"match", kNonEmpty, &header_match}}};
  static const Shape header_map{{{"", kNonEmpty, &string_match}}, true};
  static const Shape route_match{
      {{"method", kPointer, &string_match}, {"path", kPointer, &string_match}, {"headers", kNonEmpty, &header_map}}};
  static const Shape mirror_route{
      {{"name", kString}, {"match", kNonEmpty, &route_match}, {"percentage", kPointer}}};
  static const Shape plugin{{{"name", kString}, {"config", kNonEmpty}}};
  static const Shape metadata{{{"labels", kNonEmpty}, {"annotations", kNonEmpty}}};
  static const Shape field_ref{{{"fieldPath", kString}}};
  static const Shape value_from{{{"podTemplateHashValue", kPointer}, {"fieldRef", kPointer, &field_ref}}};
  static const Shape argument{{{"name", kString}, {"value", kNonEmpty}, {"valueFrom", kPointer, &value_from}}};
  static const Shape dry_run{{{"metricName", kString}}};
  static const Shape retention{{{"metricName", kString}, {"limit", kNumber}}};
  static const Shape analysis_template{{{"templateName", kString}, {"clusterScope", kNonEmpty}}};
  static const Shape analysis{{{"templates", kNonEmpty, &analysis_template},
                               {"args", kNonEmpty, &argument},
                               {"dryRun", kNonEmpty, &dry_run},
                               {"measurementRetention", kNonEmpty, &retention},
                               {"analysisRunMetadata", kStruct, &metadata}}};
  static const Shape requirement{{{"key", kString}, {"operator", kString}, {"values", kNonEmpty}}};
  static const Shape selector{{{"matchLabels", kNonEmpty}, {"matchExpressions", kNonEmpty, &requirement}}};
  static const Shape service{{{"name", kNonEmpty}}};
  static const Shape experiment_template{{{"name", kString},
                                          {"specRef", kString},
                                          {"replicas", kPointer},
                                          {"metadata", kStruct, &metadata},
                                          {"selector", kPointer, &selector},
                                          {"weight", kPointer},
                                          {"service", kPointer, &service}}};
  static const Shape experiment_analysis{{{"name", kString},
                                          {"templateName", kString},
                                          {"clusterScope", kNonEmpty},
                                          {"args", kNonEmpty, &argument},
                                          {"requiredForCompletion", kNonEmpty}}};
  static const Shape experiment{{{"templates", kNullable, &experiment_template},
                                 {"duration", kNonEmpty},
                                 {"analyses", kNonEmpty, &experiment_analysis},
                                 {"dryRun", kNonEmpty, &dry_run},
                                 {"analysisRunMetadata", kStruct, &metadata}}};
  static const Shape step{{{"setWeight", kPointer},
                           {"pause", kPointer, &pause},
                           {"experiment", kPointer, &experiment},
                           {"analysis", kPointer, &analysis},
                           {"setCanaryScale", kPointer, &canary_scale},
                           {"setHeaderRoute", kPointer, &header_route},
                           {"setMirrorRoute", kPointer, &mirror_route},
                           {"plugin", kPointer, &plugin}}};
  return step;
}

bool is_empty(const json::value& v) {
  if (v.is_null()) return true;
  if (const auto* text = v.if_string()) return text->empty();
  if (const bool* flag = v.if_bool()) return !*flag;
  if (const json::array* list = v.if_array()) return list->empty();
  if (const json::object* members = v.if_object()) return members->empty();
  return json::as_int(&v) == 0;
}

void write(const json::value& v, const Shape* shape, std::string& out);

void write_struct(const json::value& v, const Shape& shape, std::string& out) {
  out += '{';
  bool first = true;
  auto begin = [&](std::string_view name) {
    if (!first) out += ',';
    first = false;
    out += json::dump_go(json::value(name)) + ":";
  };
  if (shape.map) {
    std::vector<std::string_view> keys;
    for (const auto& member : v.get_object()) keys.push_back(member.key());
    std::sort(keys.begin(), keys.end());
    for (std::string_view key : keys) {
      begin(key);
      write(*json::find(v, key), shape.members[0].shape, out);
    }
    out += '}';
    return;
  }
  for (const Member& member : shape.members) {
    const json::value* found = json::find(v, member.name);
    bool set = found && !found->is_null();
    switch (member.presence) {
      case Presence::kPointer:
        if (!set) continue;
        break;
      case Presence::kNonEmpty:
        if (!set || is_empty(*found)) continue;
        break;
      default: break;
    }
    begin(member.name);
    if (set) write(*found, member.shape, out);
    else if (member.presence == Presence::kString) out += "\"\"";
    else if (member.presence == Presence::kNumber) out += "0";
    else if (member.presence == Presence::kStruct) write(json::object(), member.shape, out);
    else out += "null";
  }
  out += '}';
}

void write(const json::value& v, const Shape* shape, std::string& out) {
  if (shape && v.is_object()) return write_struct(v, *shape, out);
  if (const json::array* list = v.if_array(); shape && list) {
    out += '[';
    for (size_t i = 0; i < list->size(); ++i) {
      if (i > 0) out += ',';
      write((*list)[i], shape, out);
    }
    out += ']';
    return;
  }
  out += json::dump_go(v);
}

}  // namespace

std::string steps_as_go(const json::value* steps) {
  if (!steps || !steps->is_array()) return "null";
  std::string out;
  write(*steps, &canary_step(), out);
  return out;
}

std::string step_hash(const json::value* steps) {
  return safe_encode(std::to_string(fnv1a_32(steps_as_go(steps))));
}

}  // namespace serin::rollout
