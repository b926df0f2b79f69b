// openapi.v2.Document of github.com/google/gnostic-models (openapiv2/OpenAPIv2.proto), which is proto3: what is zero is
// not written. Members come as tables of name, number and kind.

#include <bit>
#include <span>

#include "kube/openapi_v2.h"
#include "kube/protobuf_wire.h"

namespace serin::kube {
namespace {

enum class Kind {
  kText, kFlag, kInteger, kReal, kTexts,
  kAny,         ///< any value, as YAML
  kAnys,
  kType,        ///< TypeItem {1: repeated string}
  kSchema, kSchemas,
  kSchemaOrFlag,   ///< AdditionalPropertiesItem {1: schema, 2: flag}
  kItems,          ///< ItemsItem {1: repeated schema}
  kNamedSchemas,   ///< {1: repeated {1: name, 2: schema}}
  kInfo, kPaths, kOperation, kParameters, kResponses
};

struct Member {
  std::string_view name;
  int number;
  Kind kind;
};

struct Message {
  std::span<const Member> members;
  int extensions;  ///< the number of vendor_extension
};

constexpr Member kSchemaMembers[] = {
    {"$ref", 1, Kind::kText}, {"format", 2, Kind::kText}, {"title", 3, Kind::kText}, {"description", 4, Kind::kText},
    {"default", 5, Kind::kAny}, {"multipleOf", 6, Kind::kReal}, {"maximum", 7, Kind::kReal},
    {"exclusiveMaximum", 8, Kind::kFlag}, {"minimum", 9, Kind::kReal}, {"exclusiveMinimum", 10, Kind::kFlag},
    {"maxLength", 11, Kind::kInteger}, {"minLength", 12, Kind::kInteger}, {"pattern", 13, Kind::kText},
    {"maxItems", 14, Kind::kInteger}, {"minItems", 15, Kind::kInteger}, {"uniqueItems", 16, Kind::kFlag},
    {"maxProperties", 17, Kind::kInteger}, {"minProperties", 18, Kind::kInteger}, {"required", 19, Kind::kTexts},
    {"enum", 20, Kind::kAnys}, {"additionalProperties", 21, Kind::kSchemaOrFlag}, {"type", 22, Kind::kType},
    {"items", 23, Kind::kItems}, {"allOf", 24, Kind::kSchemas}, {"properties", 25, Kind::kNamedSchemas}};
constexpr Message kSchema{kSchemaMembers, 31};

constexpr Member kBodyMembers[] = {
    {"description", 1, Kind::kText}, {"name", 2, Kind::kText}, {"in", 3, Kind::kText}, {"required", 4, Kind::kFlag},
    {"schema", 5, Kind::kSchema}};
constexpr Message kBodyParameter{kBodyMembers, 6};

constexpr Member kQueryMembers[] = {
    {"required", 1, Kind::kFlag}, {"in", 2, Kind::kText}, {"description", 3, Kind::kText}, {"name", 4, Kind::kText},
    {"type", 6, Kind::kText}, {"format", 7, Kind::kText}, {"uniqueItems", 20, Kind::kFlag}};
constexpr Message kQueryParameter{kQueryMembers, 23};

constexpr Member kPathMembers[] = {
    {"required", 1, Kind::kFlag}, {"in", 2, Kind::kText}, {"description", 3, Kind::kText}, {"name", 4, Kind::kText},
    {"type", 5, Kind::kText}, {"format", 6, Kind::kText}, {"uniqueItems", 19, Kind::kFlag}};
constexpr Message kPathParameter{kPathMembers, 22};

constexpr Member kOperationMembers[] = {
    {"tags", 1, Kind::kTexts}, {"summary", 2, Kind::kText}, {"description", 3, Kind::kText}, {"operationId", 5, Kind::kText},
    {"produces", 6, Kind::kTexts}, {"consumes", 7, Kind::kTexts}, {"parameters", 8, Kind::kParameters},
    {"responses", 9, Kind::kResponses}, {"schemes", 10, Kind::kTexts}, {"deprecated", 11, Kind::kFlag}};
constexpr Message kOperation{kOperationMembers, 13};

constexpr Member kPathItemMembers[] = {
    {"get", 2, Kind::kOperation}, {"put", 3, Kind::kOperation}, {"post", 4, Kind::kOperation},
    {"delete", 5, Kind::kOperation}, {"options", 6, Kind::kOperation}, {"head", 7, Kind::kOperation},
    {"patch", 8, Kind::kOperation}, {"parameters", 9, Kind::kParameters}};
constexpr Message kPathItem{kPathItemMembers, 10};

constexpr Member kInfoMembers[] = {{"title", 1, Kind::kText}, {"version", 2, Kind::kText}};
constexpr Message kInfo{kInfoMembers, 7};

constexpr Member kDocumentMembers[] = {
    {"swagger", 1, Kind::kText}, {"info", 2, Kind::kInfo}, {"paths", 8, Kind::kPaths}, {"definitions", 9, Kind::kNamedSchemas}};
constexpr Message kDocument{kDocumentMembers, 16};

class Writer {
 public:
  wire::Writer out;

  void fields(const json::value& value, const Message& message) {
    const json::object* object = value.if_object();
    if (!object) return;
    for (const Member& one : message.members)
      if (const json::value* found = object->if_contains(one.name)) member(one, *found);
    for (const auto& [name, extension] : *object)
      if (name.starts_with("x-")) inside(message.extensions, [&] { named_any(name, extension); });
  }

 private:
  template <class Write>
  void inside(int number, Write write) {
    size_t begun = out.begin(number);
    write();
    out.end(begun);
  }
  void message(int number, const json::value& value, const Message& type) {
    inside(number, [&] { fields(value, type); });
  }

  void text(int number, const json::value& value) {
    std::string_view bytes = json::as_string(&value);
    if (!bytes.empty()) out.bytes(number, bytes);
  }
  /// Any {2: yaml}; JSON is YAML.
  void any(int number, const json::value& value) {
    inside(number, [&] { out.bytes(2, json::dump(value)); });
  }
  void named_any(std::string_view name, const json::value& value) {
    out.bytes(1, name);
    any(2, value);
  }

  void member(const Member& m, const json::value& value) {
    switch (m.kind) {
      case Kind::kText: return text(m.number, value);
      case Kind::kFlag:
        if (json::as_bool(&value)) out.number(m.number, 1);
        return;
      case Kind::kInteger:
        if (auto number = json::as_int(&value); number && *number != 0) out.number(m.number, static_cast<uint64_t>(*number));
        return;
      case Kind::kReal:
        if (value.is_number() && value.to_number<double>() != 0)
          out.fixed64(m.number, std::bit_cast<uint64_t>(value.to_number<double>()));
        return;
      case Kind::kTexts:
        for (const json::value& item : array(value)) out.bytes(m.number, json::as_string(&item));
        return;
      case Kind::kAny: return any(m.number, value);
      case Kind::kAnys:
        for (const json::value& item : array(value)) any(m.number, item);
        return;
      case Kind::kType: return inside(m.number, [&] { text(1, value); });
      case Kind::kSchema: return message(m.number, value, kSchema);
      case Kind::kSchemas:
        for (const json::value& item : array(value)) message(m.number, item, kSchema);
        return;
      case Kind::kSchemaOrFlag:
        return inside(m.number, [&] {
          if (const bool* flag = value.if_bool()) out.number(2, *flag);
          else message(1, value, kSchema);
        });
      case Kind::kItems: return inside(m.number, [&] { message(1, value, kSchema); });
      case Kind::kNamedSchemas:
        return inside(m.number, [&] { named(1, value, [&](const json::value& schema) { message(2, schema, kSchema); }); });
      case Kind::kInfo: return message(m.number, value, kInfo);
      case Kind::kPaths:
        return inside(m.number, [&] { named(2, value, [&](const json::value& path) { message(2, path, kPathItem); }); });
      case Kind::kOperation: return message(m.number, value, kOperation);
      case Kind::kParameters:
        for (const json::value& item : array(value)) parameter(m.number, item);
        return;
      case Kind::kResponses:
        return inside(m.number, [&] { named(1, value, [&](const json::value& answer) { response(answer); }); });
    }
  }

  /// Repeated {1: name, 2: value}; `write` writes the value under 2.
  template <class Write>
  void named(int number, const json::value& map, Write write) {
    if (!map.is_object()) return;
    for (const auto& [name, value] : map.get_object())
      inside(number, [&] {
        out.bytes(1, name);
        write(value);
      });
  }

  /// ParametersItem {1: Parameter {1: body, 2: {3: query, 4: path}}}
  void parameter(int number, const json::value& value) {
    std::string_view in = json::get_string(value, "in");
    inside(number, [&] {
      inside(1, [&] {
        if (in == "body") return message(1, value, kBodyParameter);
        inside(2, [&] {
          if (in == "path") message(4, value, kPathParameter);
          else message(3, value, kQueryParameter);
        });
      });
    });
  }

  /// NamedResponseValue's value: ResponseValue {1: Response {1: description, 2: {1: schema}}}
  void response(const json::value& answer) {
    inside(2, [&] {
      inside(1, [&] {
        if (const json::value* description = json::find(answer, "description")) text(1, *description);
        if (const json::value* schema = json::find(answer, "schema")) inside(2, [&] { message(1, *schema, kSchema); });
      });
    });
  }

  static const json::array& array(const json::value& value) {
    static const json::array kNone;
    return value.is_array() ? value.get_array() : kNone;
  }
};

}  // namespace

std::string gnostic_v2(const json::value& document) {
  Writer writer;
  writer.fields(document, kDocument);
  return std::move(writer.out.out);
}

}  // namespace serin::kube
