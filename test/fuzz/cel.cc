// The bytes are an expression over self and oldSelf. What compiles gives the same value and cost each time, a value of the
// type that it was found to have, and ends at the limit of cost.

#include <cstdlib>
#include <string_view>

#include "kube/cel/cost.h"
#include "kube/cel/declared.h"
#include "kube/cel/evaluator.h"

using namespace serin::kube::cel;
namespace json = serin::json;

namespace {

constexpr uint64_t kLimit = 20'000;

json::value doc(std::string_view text) { return *json::parse(text); }

struct Data {
  serin::kube::SchemaPtr schema =
      *serin::kube::schema_from_openapi(doc(R"({"type":"object","properties":{"spec":{"type":"object","properties":{
    "n":{"type":"integer"},"f":{"type":"number"},"s":{"type":"string","maxLength":20},"b":{"type":"boolean"},
    "t":{"type":"string","format":"date-time"},"d":{"type":"string","format":"duration"},"raw":{"type":"string","format":"byte"},
    "ios":{"x-kubernetes-int-or-string":true},"list":{"type":"array","items":{"type":"string"}},
    "set":{"type":"array","x-kubernetes-list-type":"set","items":{"type":"string"}},
    "keyed":{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["name"],"items":{"type":"object","required":["name"],
      "properties":{"name":{"type":"string"},"v":{"type":"integer"}}}},
    "map":{"type":"object","additionalProperties":{"type":"integer"}}}}}})"));
  json::value object = doc(R"({"apiVersion":"g/v1","kind":"K","metadata":{"name":"n"},"spec":{"n":5,"f":1.5,"s":"héllo","b":true,
    "t":"2026-01-02T03:04:05Z","d":"1h","raw":"aGk=","ios":"50%","list":["a","b"],"set":["x","y"],"keyed":[{"name":"a","v":1}],"map":{"k":1}}})");
  Declarations declarations{*schema};
  const Declared* declared = declarations.find(schema.get());
  std::vector<Variable> variables{{"self", declared->type}, {"oldSelf", declared->type}};
  std::map<std::string, SizesPtr, std::less<>> sizes{{"self", declared->sizes}, {"oldSelf", declared->sizes}};
};

bool fits(const Value& v, const Type& type) {
  switch (type.kind) {
    case Type::Kind::kBool: return v.is(Value::Kind::kBool);
    case Type::Kind::kInt: return v.is(Value::Kind::kInt);
    case Type::Kind::kUint: return v.is(Value::Kind::kUint);
    case Type::Kind::kDouble: return v.is(Value::Kind::kDouble);
    case Type::Kind::kString: return v.is(Value::Kind::kString);
    case Type::Kind::kBytes: return v.is(Value::Kind::kBytes);
    case Type::Kind::kList: return v.is(Value::Kind::kList);
    case Type::Kind::kMap:
    case Type::Kind::kObject: return v.is(Value::Kind::kMap);
    case Type::Kind::kTimestamp: return v.is(Value::Kind::kTimestamp);
    case Type::Kind::kDuration: return v.is(Value::Kind::kDuration);
    case Type::Kind::kOptional: return v.is(Value::Kind::kOptional);
    default: return true;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Data kData;
  std::string_view source(reinterpret_cast<const char*>(data), size);
  Compiled compiled = compile(source, kData.variables);
  if (!compiled.issues.empty()) {
    if (format_issues(source, compiled.issues).empty()) std::abort();
    return 0;
  }
  Range estimate = estimate_cost(compiled.program, kData.sizes);
  if (estimate.min > estimate.max) std::abort();
  auto run = [&] {
    Value self = from_resource(kData.object, *kData.schema);
    return evaluate(compiled.program, {self, self}, kLimit);
  };
  Evaluated first = run(), again = run();
  if (first.cost != again.cost || first.over_limit != again.over_limit || first.value.kind() != again.value.kind()) std::abort();
  if (first.over_limit != (first.cost > kLimit) || (first.over_limit && !first.value.is_error())) std::abort();
  if (!first.value.is_error() && !fits(first.value, *compiled.program.type)) std::abort();
  return 0;
}
