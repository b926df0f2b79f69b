#include "kube/cel/parser.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/strings.h"
#include "kube/cel/lexer.h"
#include "kube/cel/macros.h"

namespace serin::kube::cel {
namespace {

using Kind = Expr::Kind;

/// Thrown out of the depths of a parse, caught in `parse`.
struct SyntaxError {
  Issue issue;
};

bool is_reserved(std::string_view name) {
  static constexpr std::array<std::string_view, 17> kReserved = {
      "as",   "break",  "const",   "continue",  "else",   "for", "function", "if",   "import",
      "let",  "loop",   "package", "namespace", "return", "var", "void",     "while"};
  return std::find(kReserved.begin(), kReserved.end(), name) != kReserved.end();
}

class Parser {
 public:
  explicit Parser(std::string_view source) : tokens_(tokenize(source)) {}

  ExprPtr whole() {
    ExprPtr expr = expression();
    if (now().kind != Token::Kind::kEnd) unexpected();
    return expr;
  }

 private:
  const Token& now() const { return tokens_[at_]; }
  const Token& next() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  Token take() { return tokens_[at_ + 1 < tokens_.size() ? at_++ : at_]; }
  bool accept(std::string_view punctuation) {
    if (!now().is(punctuation)) return false;
    ++at_;
    return true;
  }

  [[noreturn]] void fail_at(size_t offset, std::string message) { throw SyntaxError{{offset, std::move(message)}}; }
  [[noreturn]] void unexpected(std::string_view wanted = {}) {
    const Token& token = now();
    if (token.kind == Token::Kind::kBad) fail_at(token.offset, concat("Syntax error: ", token.value));
    std::string found = token.kind == Token::Kind::kEnd ? "<EOF>" : std::string(token.text);
    fail_at(token.offset, wanted.empty() ? concat("Syntax error: unexpected '", found, "'")
                                         : concat("Syntax error: mismatched input '", found, "' expecting '", wanted, "'"));
  }
  Token expect(std::string_view punctuation) {
    if (!now().is(punctuation)) unexpected(punctuation);
    return take();
  }

  /// Counts the nesting of what is being read.
  struct Nested {
    explicit Nested(Parser& parser) : depth(parser.depth_) {
      if (++depth > kMaxDepth) parser.fail_at(parser.now().offset, concat("expression recursion limit exceeded: ", kMaxDepth));
    }
    ~Nested() { --depth; }
    int& depth;
  };

  ExprPtr sealed(ExprPtr expr) {
    if (!seal(*expr)) fail_at(expr->offset, "max recursion depth exceeded");
    return expr;
  }

  ExprPtr call(std::string_view function, size_t offset, std::vector<ExprPtr> args) {
    return sealed(make_call(function, offset, std::move(args)));
  }

  ExprPtr expression() {
    Nested nested(*this);
    ExprPtr condition = disjunction();
    if (!now().is("?")) return condition;
    size_t offset = take().offset;
    ExprPtr yes = disjunction();
    expect(":");
    ExprPtr no = expression();
    return call("_?_:_", offset, {std::move(condition), std::move(yes), std::move(no)});
  }

  /// Chains of one logical operator become one call of many arguments.
  template <class Operand>
  ExprPtr chain(std::string_view op, std::string_view function, Operand operand) {
    ExprPtr first = operand();
    if (!now().is(op)) return first;
    size_t offset = now().offset;
    std::vector<ExprPtr> terms{std::move(first)};
    while (accept(op)) terms.push_back(operand());
    return call(function, offset, std::move(terms));
  }

  ExprPtr disjunction() {
    return chain("||", "_||_", [this] { return conjunction(); });
  }
  ExprPtr conjunction() {
    return chain("&&", "_&&_", [this] { return relation(); });
  }

  ExprPtr relation() {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kOps = {{{"<", "_<_"},
                                                                                           {"<=", "_<=_"},
                                                                                           {">=", "_>=_"},
                                                                                           {">", "_>_"},
                                                                                           {"==", "_==_"},
                                                                                           {"!=", "_!=_"},
                                                                                           {"in", "@in"}}};
    return binary(kOps, [this] { return sum(); });
  }
  ExprPtr sum() {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 2> kOps = {{{"+", "_+_"}, {"-", "_-_"}}};
    return binary(kOps, [this] { return product(); });
  }
  ExprPtr product() {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kOps = {
        {{"*", "_*_"}, {"/", "_/_"}, {"%", "_%_"}}};
    return binary(kOps, [this] { return unary(); });
  }

  template <class Ops, class Operand>
  ExprPtr binary(const Ops& ops, Operand operand) {
    ExprPtr left = operand();
    for (;;) {
      auto op = std::find_if(ops.begin(), ops.end(), [&](const auto& pair) { return now().is(pair.first); });
      if (op == ops.end()) return left;
      size_t offset = take().offset;
      left = call(op->second, offset, {std::move(left), operand()});
    }
  }

  ExprPtr unary() {
    bool minus = now().is("-");
    if (!minus && !now().is("!")) return member();
    bool number = next().kind == Token::Kind::kInt || next().kind == Token::Kind::kDouble;
    if (minus && number) return member();
    size_t offset = now().offset, count = 0;
    while (accept(minus ? "-" : "!")) ++count;
    ExprPtr operand = member();
    if (count % 2 == 0) return operand;
    return call(minus ? "-_" : "!_", offset, {std::move(operand)});
  }

  ExprPtr member() {
    ExprPtr expr = primary();
    for (;;) {
      if (now().is(".")) expr = dot(std::move(expr));
      else if (now().is("[")) expr = index(std::move(expr));
      else if (now().is("{") && is_qualified(*expr)) expr = message(std::move(expr));
      else return expr;
    }
  }

  static bool is_qualified(const Expr& expr) {
    const Expr* at = &expr;
    while (at->kind == Kind::kSelect && !at->test_only) at = at->target.get();
    return at->kind == Kind::kIdent;
  }

  ExprPtr dot(ExprPtr target) {
    size_t offset = take().offset;
    bool optional = accept("?");
    Token name = now();
    if (name.kind != Token::Kind::kIdent && name.kind != Token::Kind::kEscapedIdent) unexpected();
    take();
    if (name.kind == Token::Kind::kEscapedIdent) fail_at(name.offset, "unsupported syntax: '`'");
    if (optional) {
      ExprPtr field = make_literal(Value::string(std::string(name.text)), name.offset);
      return call("_?._", offset, {std::move(target), std::move(field)});
    }
    if (now().is("(")) {
      size_t open = take().offset;
      std::vector<ExprPtr> args = arguments();
      Expansion expanded = expand_macro(name.text, open, target, args);
      if (!expanded.error.empty()) fail_at(expanded.offset, std::move(expanded.error));
      if (expanded.expr) return sealed(std::move(expanded.expr));
      return sealed(make_member_call(name.text, open, std::move(target), std::move(args)));
    }
    auto select = std::make_shared<Expr>();
    select->kind = Kind::kSelect;
    select->offset = offset;
    select->name = name.text;
    select->target = std::move(target);
    return sealed(std::move(select));
  }

  ExprPtr index(ExprPtr target) {
    size_t offset = take().offset;
    bool optional = accept("?");
    ExprPtr at = expression();
    expect("]");
    return call(optional ? "_[?_]" : "_[_]", offset, {std::move(target), std::move(at)});
  }

  /// The fields are read for their syntax only: no message type can be made in a rule.
  ExprPtr message(ExprPtr type) {
    size_t offset = take().offset;
    auto made = std::make_shared<Expr>();
    made->kind = Kind::kStruct;
    made->offset = offset;
    std::string name;
    for (const Expr* at = type.get();; at = at->target.get()) {
      name = name.empty() ? at->name : concat(at->name, '.', name);
      if (at->kind == Kind::kIdent) break;
    }
    made->name = std::move(name);
    while (!now().is("}")) {
      accept("?");
      if (now().kind != Token::Kind::kIdent) unexpected();
      take();
      expect(":");
      made->args.push_back(expression());
      if (!accept(",")) break;
    }
    expect("}");
    return sealed(std::move(made));
  }

  std::vector<ExprPtr> arguments() {
    std::vector<ExprPtr> args;
    if (accept(")")) return args;
    do args.push_back(expression());
    while (accept(","));
    expect(")");
    return args;
  }

  ExprPtr primary() {
    const Token& token = now();
    switch (token.kind) {
      case Token::Kind::kIdent: return identifier(false);
      case Token::Kind::kInt:
      case Token::Kind::kUint:
      case Token::Kind::kDouble: return number(false);
      case Token::Kind::kString: return literal(Value::string(token.value));
      case Token::Kind::kBytes: return literal(Value::bytes(token.value));
      case Token::Kind::kPunctuation: break;
      default: unexpected();
    }
    if (token.is("true")) return literal(Value::boolean(true));
    if (token.is("false")) return literal(Value::boolean(false));
    if (token.is("null")) return literal(Value::null());
    if (token.is("-")) {
      take();
      return number(true);
    }
    if (token.is(".")) {
      take();
      if (now().kind != Token::Kind::kIdent) unexpected();
      return identifier(true);
    }
    if (accept("(")) {
      ExprPtr inner = expression();
      expect(")");
      return inner;
    }
    if (token.is("[")) return list();
    if (token.is("{")) return map();
    unexpected();
  }

  ExprPtr literal(Value value) { return make_literal(std::move(value), take().offset); }

  ExprPtr identifier(bool rooted) {
    Token token = take();
    if (is_reserved(token.text)) fail_at(token.offset, concat("reserved identifier: ", token.text));
    if (now().is("(")) {
      size_t open = take().offset;
      std::vector<ExprPtr> args = arguments();
      Expansion expanded = expand_macro(token.text, open, nullptr, args);
      if (!expanded.error.empty()) fail_at(expanded.offset, std::move(expanded.error));
      if (expanded.expr) return sealed(std::move(expanded.expr));
      return call(token.text, open, std::move(args));
    }
    ExprPtr name = make_ident(token.text, token.offset);
    name->rooted = rooted;
    return name;
  }

  ExprPtr number(bool negative) {
    Token token = take();
    std::string text = negative ? "-" : "";
    text += token.text;
    if (token.kind == Token::Kind::kDouble) {
      double v = std::strtod(text.c_str(), nullptr);
      if (v > 1.7976931348623157e308 || v < -1.7976931348623157e308) fail_at(token.offset, "invalid double literal");
      return make_literal(Value::real(v), token.offset);
    }
    bool unsigned_kind = token.kind == Token::Kind::kUint;
    std::string_view digits = token.text;
    if (unsigned_kind) digits.remove_suffix(1);
    bool hex = digits.starts_with("0x");
    if (hex) digits.remove_prefix(2);
    uint64_t v = 0;
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), v, hex ? 16 : 10);
    bool bad = error != std::errc() || end != digits.data() + digits.size();
    if (unsigned_kind) {
      if (bad || negative) fail_at(token.offset, "invalid uint literal");
      return make_literal(Value::uinteger(v), token.offset);
    }
    uint64_t limit = (uint64_t{1} << 63) - (negative ? 0 : 1);
    if (bad || v > limit) fail_at(token.offset, "invalid int literal");
    return make_literal(Value::integer(static_cast<int64_t>(negative ? ~v + 1 : v)), token.offset);
  }

  ExprPtr list() {
    auto made = std::make_shared<Expr>();
    made->kind = Kind::kList;
    made->offset = take().offset;
    while (!now().is("]")) {
      made->optional_entries.push_back(accept("?"));
      made->args.push_back(expression());
      if (!accept(",")) break;
    }
    expect("]");
    return sealed(std::move(made));
  }

  ExprPtr map() {
    auto made = std::make_shared<Expr>();
    made->kind = Kind::kMap;
    made->offset = take().offset;
    while (!now().is("}")) {
      made->optional_entries.push_back(accept("?"));
      made->args.push_back(expression());
      expect(":");
      made->args.push_back(expression());
      if (!accept(",")) break;
    }
    expect("}");
    return sealed(std::move(made));
  }

  std::vector<Token> tokens_;
  size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

Parsed parse(std::string_view source) {
  if (size_t size = code_points(source); size > kMaxCodePoints)
    return {nullptr, {{0, concat("expression code point size exceeds limit: size: ", size, ", limit ", kMaxCodePoints)}}};
  try {
    return {Parser(source).whole(), {}};
  } catch (SyntaxError& error) {
    return {nullptr, {std::move(error.issue)}};
  }
}

std::string format_issues(std::string_view source, const std::vector<Issue>& issues) {
  std::string out;
  for (const Issue& issue : issues) {
    size_t offset = std::min(issue.offset, source.size());
    std::string_view before = source.substr(0, offset);
    size_t line = static_cast<size_t>(std::count(before.begin(), before.end(), '\n')) + 1;
    size_t start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
    std::string_view text = source.substr(start, source.find('\n', start) - start);
    size_t column = code_points(before.substr(start));
    if (!out.empty()) out += '\n';
    out += concat("ERROR: <input>:", line, ':', column + 1, ": ", issue.message, "\n | ", text, "\n | ",
                  std::string(column, '.'), '^');
  }
  return out;
}

}  // namespace serin::kube::cel
