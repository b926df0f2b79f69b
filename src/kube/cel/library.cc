#include "kube/cel/library.h"

#include <cstdlib>
#include <map>

#include "base/strings.h"

namespace serin::kube::cel {
namespace {

/// Reads the signatures of the tables. They are part of the program: a malformed one aborts.
class SignatureReader {
 public:
  explicit SignatureReader(std::string_view text) : rest_(text) {}

  /// "string:contains(string) bool"
  std::string read(Overload& overload) {
    bool is_operator = rest_.starts_with('_');  // _?_:_ has a colon of its own
    if (!is_operator && rest_.find(':') != std::string_view::npos) {
      overload.member = true;
      overload.params.push_back(type());
      if (!take(':')) std::abort();
    }
    size_t open = rest_.find('(');
    std::string name(rest_.substr(0, open));
    rest_.remove_prefix(open + 1);
    while (!take(')')) {
      overload.params.push_back(type());
      take(',');
    }
    overload.result = type();
    return name;
  }

 private:
  bool take(char c) {
    while (rest_.starts_with(' ')) rest_.remove_prefix(1);
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  TypePtr type() {
    while (rest_.starts_with(' ')) rest_.remove_prefix(1);
    size_t size = rest_.find_first_of("(),: ");
    std::string_view name = rest_.substr(0, size);
    rest_.remove_prefix(name.size());
    std::vector<TypePtr> params;
    if (rest_.starts_with('(') && (name == "list" || name == "map" || name == "optional" || name == "type")) {
      take('(');
      do params.push_back(type());
      while (take(','));
      if (!take(')')) std::abort();
    }
    return named(name, params);
  }

  static TypePtr named(std::string_view name, const std::vector<TypePtr>& params) {
    if (name.size() == 1 && name[0] >= 'A' && name[0] <= 'Z') return param_type(name);
    if (name == "list") return list_type(params.at(0));
    if (name == "map") return map_type(params.at(0), params.at(1));
    if (name == "optional") return optional_type(params.at(0));
    if (name == "type") return type_type(params.at(0));
    for (auto [word, kind] : {std::pair{"dyn", Type::Kind::kDyn}, {"null", Type::Kind::kNull}, {"bool", Type::Kind::kBool},
                              {"int", Type::Kind::kInt}, {"uint", Type::Kind::kUint}, {"double", Type::Kind::kDouble},
                              {"string", Type::Kind::kString}, {"bytes", Type::Kind::kBytes},
                              {"timestamp", Type::Kind::kTimestamp}, {"duration", Type::Kind::kDuration}})
      if (name == word) return type_of(kind);
    for (auto [word, full] : {std::pair{"Quantity", "kubernetes.Quantity"}, {"URL", "kubernetes.URL"}, {"IP", "net.IP"},
                              {"CIDR", "net.CIDR"}, {"Format", "kubernetes.NamedFormat"}, {"Semver", "kubernetes.Semver"}})
      if (name == word) return opaque_type(full);
    std::abort();
  }

  std::string_view rest_;
};

using Functions = std::map<std::string, Function, std::less<>>;

Functions read_tables() {
  Functions all;
  for (std::span<const Row> rows : {standard_rows(), time_rows(), string_rows(), collection_rows(), network_rows(),
                                    kubernetes_rows()}) {
    for (const Row& row : rows) {
      Overload overload;
      overload.id = row.id;
      overload.run = row.run;
      overload.cost = row.cost;
      std::string name = SignatureReader(row.signature).read(overload);
      Function& function = all[name];
      function.name = name;
      function.overloads.push_back(std::move(overload));
    }
  }
  return all;
}

bool accepts(const Type& type, const Value& v) {
  using Kind = Value::Kind;
  switch (type.kind) {
    case Type::Kind::kDyn:
    case Type::Kind::kParam: return true;
    case Type::Kind::kNull: return v.is(Kind::kNull);
    case Type::Kind::kBool: return v.is(Kind::kBool);
    case Type::Kind::kInt: return v.is(Kind::kInt);
    case Type::Kind::kUint: return v.is(Kind::kUint);
    case Type::Kind::kDouble: return v.is(Kind::kDouble);
    case Type::Kind::kString: return v.is(Kind::kString);
    case Type::Kind::kBytes: return v.is(Kind::kBytes);
    case Type::Kind::kTimestamp: return v.is(Kind::kTimestamp);
    case Type::Kind::kDuration: return v.is(Kind::kDuration);
    case Type::Kind::kList: return v.is(Kind::kList) && (v.list().size() == 0 || accepts(*type.params[0], v.list().at(0)));
    case Type::Kind::kMap: return v.is(Kind::kMap);
    case Type::Kind::kType: return v.is(Kind::kType);
    case Type::Kind::kOptional: return v.is(Kind::kOptional);
    case Type::Kind::kOpaque: return v.is(Kind::kOpaque) && v.opaque().type_name() == type.name;
    default: return false;
  }
}

}  // namespace

const Function* find_function(std::string_view name) {
  static const Functions kAll = read_tables();
  auto found = kAll.find(name);
  return found == kAll.end() ? nullptr : &found->second;
}

bool accepts(const Overload& overload, Args args) {
  if (overload.params.size() != args.size()) return false;
  for (size_t i = 0; i < args.size(); ++i)
    if (!accepts(*overload.params[i], args[i])) return false;
  return true;
}

std::u32string to_code_points(std::string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    auto lead = static_cast<unsigned char>(text[i]);
    size_t size = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    char32_t code = size == 1 ? lead : lead & (0xFF >> (size + 1));
    for (size_t k = 1; k < size && i + k < text.size(); ++k) code = (code << 6) | (static_cast<unsigned char>(text[i + k]) & 0x3F);
    out += code;
    i += size;
  }
  return out;
}

}  // namespace serin::kube::cel
