// The table of expressions: each gives the value, the error or the refusal that it gives in Kubernetes 1.33 (checked
// against Kubernetes' own evaluator by test/clients/cel).

#include <gtest/gtest.h>

#include "embedded/cel_expressions.h"
#include "kube/cel/testing/expression_table.h"

namespace serin::kube::cel {
namespace {

TEST(CelExpressions, GiveWhatKubernetesGives) {
  size_t count = 0;
  for (const embedded::File& file : embedded::cel_expressions()) {
    for (const TableLine& line : run_table(file.bytes)) {
      EXPECT_EQ(line.result, line.expected) << file.name << ':' << line.number << ": " << line.expression << "\n" << line.detail;
      if (!line.expected_cost.empty()) {
        EXPECT_EQ(line.cost, line.expected_cost) << file.name << ':' << line.number << ": " << line.expression;
      }
      ++count;
    }
  }
  EXPECT_GT(count, 500u);
}

TEST(CelExpressions, HostileOnesAreRefusedOrEnd) {
  auto refused = [](const std::string& text) { return !compile(text, {}).issues.empty(); };
  EXPECT_TRUE(refused(std::string(100'001, ' ')));
  EXPECT_TRUE(refused(std::string(1000, '(') + "1" + std::string(1000, ')')));
  EXPECT_TRUE(refused(std::string(1000, '[') + std::string(1000, ']')));
  std::string sum = "1";
  for (int i = 0; i < 1000; ++i) sum += "+1";
  EXPECT_TRUE(refused(sum));
  std::string any = "false";
  for (int i = 0; i < 1000; ++i) any += " || false";
  EXPECT_FALSE(refused(any));
  // Each level doubles the work: the limit of cost ends it.
  std::string twice = "optional.of('x')";
  for (int i = 0; i < 60; ++i) twice += ".optMap(x, x + x)";
  Compiled compiled = compile(twice, {});
  ASSERT_TRUE(compiled.issues.empty());
  EXPECT_TRUE(evaluate(compiled.program, {}).over_limit);
  std::string lists = "[1,2,3,4,5,6,7,8,9,10]", product = "true";
  for (int i = 0; i < 8; ++i) product = concat(lists, ".all(x", i, ", ", product, ")");
  Compiled nested = compile(product, {});
  ASSERT_TRUE(nested.issues.empty());
  EXPECT_TRUE(evaluate(nested.program, {}).over_limit);
}

TEST(CelExpressions, IssuesPointAtTheirPlace) {
  auto text = [](std::string_view source) { return format_issues(source, compile(source, {}).issues); };
  EXPECT_EQ(text("1 + x"), "ERROR: <input>:1:5: undeclared reference to 'x' (in container '')\n | 1 + x\n | ....^");
  EXPECT_EQ(text("1 + 'a'"),
            "ERROR: <input>:1:3: found no matching overload for '_+_' applied to '(int, string)'\n | 1 + 'a'\n | ..^");
}

}  // namespace
}  // namespace serin::kube::cel
