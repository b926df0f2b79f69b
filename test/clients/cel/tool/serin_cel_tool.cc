// What the tests of this folder ask of Serin.
//
//   serin_cel_tool                          a table of expressions from standard input (its form:
//                                           kube/cel/testing/expression_table.h); prints `EXPRESSION => RESULT ; COST ESTIMATE`
//   serin_cel_tool objects [--repeat N] FILE...
//                                           files of CRDs, then of their objects; prints for each object what is wrong with
//                                           it, as JSON; with --repeat, how long one validation takes

#include <chrono>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>

#include "base/strings.h"
#include "data/yaml.h"
#include "kube/cel/testing/expression_table.h"

namespace json = serin::json;
namespace kube = serin::kube;
using serin::concat;

namespace {

int run_expressions() {
  std::string text{std::istreambuf_iterator<char>(std::cin), {}};
  for (const kube::cel::TableLine& line : kube::cel::run_table(text))
    std::cout << line.expression << " => " << line.result << " ; " << line.cost << '\n';
  return 0;
}

class Objects {
 public:
  explicit Objects(int repeat) : repeat_(repeat) {}

  bool read(const std::string& file) {
    std::ifstream in(file);
    std::string text{std::istreambuf_iterator<char>(in), {}};
    auto documents = serin::yaml::parse_all(text, false, {64 << 20, 10'000'000});
    if (!documents) {
      std::cerr << file << ": " << documents.error().message << '\n';
      return false;
    }
    for (serin::yaml::Document& document : *documents) {
      bool crd = json::get_string(document.value, "kind") == "CustomResourceDefinition";
      if (!(crd ? define(document.value) : judge(document.value))) return false;
    }
    return true;
  }

 private:
  bool define(const json::value& crd) {
    for (const json::value& version : json::items(crd, "spec", "versions")) {
      auto schema = kube::schema_from_openapi(*json::find(version, "schema", "openAPIV3Schema"));
      if (!schema) {
        std::cerr << json::get_string(crd, "metadata", "name") << ": " << schema.error().message << '\n';
        return false;
      }
      schemas_[concat(json::get_string(crd, "spec", "group"), '/', json::get_string(version, "name"), ' ',
                      json::get_string(crd, "spec", "names", "kind"))] = *schema;
    }
    return true;
  }

  bool judge(json::value& object) {
    std::string kind = concat(json::get_string(object, "apiVersion"), ' ', json::get_string(object, "kind"));
    auto schema = schemas_.find(kind);
    if (schema == schemas_.end()) {
      std::cerr << "no definition of " << kind << '\n';
      return false;
    }
    kube::prune(object, *schema->second, nullptr);
    kube::apply_defaults(object, *schema->second);
    std::vector<serin::Cause> causes;
    auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < repeat_; ++i) causes = kube::validate_custom(object, nullptr, *schema->second);
    std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - begin;
    json::array lines;
    for (const serin::Cause& cause : causes) lines.push_back(json::value(concat(cause.field, ": ", cause.message)));
    std::cout << json::dump(lines);
    if (repeat_ > 1) std::cout << ' ' << kind << ' ' << took.count() / repeat_ << " us";
    std::cout << '\n';
    return true;
  }

  int repeat_;
  std::map<std::string, kube::SchemaPtr> schemas_;
};

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.empty()) return run_expressions();
  size_t first = 1;
  int repeat = 1;
  if (arguments.size() > 2 && arguments[1] == "--repeat") {
    repeat = serin::parse_int<int>(arguments[2]).value_or(1);
    first = 3;
  }
  if (arguments[0] != "objects" || arguments.size() <= first) {
    std::cerr << "usage: serin_cel_tool [objects [--repeat N] FILE...]\n";
    return 2;
  }
  Objects objects(repeat);
  for (size_t i = first; i < arguments.size(); ++i)
    if (!objects.read(arguments[i])) return 1;
  return 0;
}
