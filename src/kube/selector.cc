#include "kube/selector.h"

#include <algorithm>

#include "base/strings.h"
#include "kube/names.h"

namespace serin::kube {
namespace {

using Operator = LabelSelector::Operator;
using Requirement = LabelSelector::Requirement;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/// Words and signs of the query form.
class Lexer {
 public:
  explicit Lexer(std::string_view text) : rest_(text) {}

  bool done() {
    skip();
    return rest_.empty();
  }
  bool take(std::string_view sign) {
    skip();
    if (!rest_.starts_with(sign)) return false;
    rest_.remove_prefix(sign.size());
    return true;
  }
  /// As `take`, of a whole word.
  bool take_word(std::string_view word) {
    Lexer ahead = *this;
    if (ahead.word() != word) return false;
    *this = ahead;
    return true;
  }
  /// Possibly empty.
  std::string_view word() {
    skip();
    size_t end = 0;
    while (end < rest_.size() && !is_space(rest_[end]) && std::string_view("=!,()<>").find(rest_[end]) == std::string_view::npos)
      ++end;
    std::string_view found = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return found;
  }

 private:
  void skip() {
    while (!rest_.empty() && is_space(rest_.front())) rest_.remove_prefix(1);
  }
  std::string_view rest_;
};

Result<void> check(const Requirement& requirement) {
  if (auto wrong = names::qualified_name_error(requirement.key))
    return fail(Code::kInvalid, concat("label key \"", requirement.key, "\" ", *wrong));
  for (const std::string& value : requirement.values)
    if (auto wrong = names::label_value_error(value))
      return fail(Code::kInvalid, concat("label value \"", value, "\" ", *wrong));
  return {};
}

void normalize(std::vector<Requirement>& requirements) {
  for (Requirement& requirement : requirements) std::sort(requirement.values.begin(), requirement.values.end());
  std::stable_sort(requirements.begin(), requirements.end(),
                   [](const Requirement& a, const Requirement& b) { return a.key < b.key; });
}

bool satisfied(const Requirement& requirement, const json::object* labels) {
  const json::value* found = labels ? labels->if_contains(requirement.key) : nullptr;
  auto listed = [&] {
    return std::find(requirement.values.begin(), requirement.values.end(), json::as_string(found)) !=
           requirement.values.end();
  };
  switch (requirement.op) {
    case Operator::kIn: return found && listed();
    case Operator::kNotIn: return !found || !listed();
    case Operator::kExists: return found != nullptr;
    case Operator::kDoesNotExist: return found == nullptr;
  }
  return false;
}

}  // namespace

Result<LabelSelector> LabelSelector::parse(std::string_view text) {
  LabelSelector selector;
  Lexer lexer(text);
  auto malformed = [&](std::string_view what) {
    return fail(Code::kBadRequest, concat("label selector \"", text, "\": ", what));
  };
  bool first = true;
  while (!lexer.done()) {
    if (!first && !lexer.take(",")) return malformed("requirements are separated by commas");
    first = false;
    Requirement requirement;
    bool absent = lexer.take("!");
    requirement.key = std::string(lexer.word());
    if (requirement.key.empty()) return malformed("a label key is missing");
    if (absent) {
      requirement.op = Operator::kDoesNotExist;
    } else if (lexer.take("==") || lexer.take("=")) {
      requirement.op = Operator::kIn;
      requirement.values.emplace_back(lexer.word());
    } else if (lexer.take("!=")) {
      requirement.op = Operator::kNotIn;
      requirement.values.emplace_back(lexer.word());
    } else if (bool in = lexer.take_word("in"); in || lexer.take_word("notin")) {
      requirement.op = in ? Operator::kIn : Operator::kNotIn;
      if (!lexer.take("(")) return malformed("\"in\" and \"notin\" need a list in parentheses");
      do requirement.values.emplace_back(lexer.word());
      while (lexer.take(","));
      if (!lexer.take(")")) return malformed("a closing parenthesis is missing");
    } else {
      requirement.op = Operator::kExists;
    }
    if (Result<void> valid = check(requirement); !valid) return malformed(valid.error().message);
    selector.requirements_.push_back(std::move(requirement));
  }
  normalize(selector.requirements_);
  return selector;
}

Result<LabelSelector> LabelSelector::from_object(const json::value* object) {
  if (!object || object->is_null()) return nothing();
  LabelSelector selector;
  if (const json::object* labels = json::find_object(*object, "matchLabels")) {
    for (const auto& [key, value] : *labels)
      selector.requirements_.push_back({std::string(key), Operator::kIn, {std::string(json::as_string(&value))}});
  }
  for (const json::value& expression : json::items(*object, "matchExpressions")) {
    Requirement requirement{std::string(json::get_string(expression, "key")), Operator::kIn, {}};
    for (const json::value& value : json::items(expression, "values"))
      requirement.values.emplace_back(json::as_string(&value));
    std::string_view op = json::get_string(expression, "operator");
    bool takes_values = op == "In" || op == "NotIn";
    if (op == "NotIn") requirement.op = Operator::kNotIn;
    else if (op == "Exists") requirement.op = Operator::kExists;
    else if (op == "DoesNotExist") requirement.op = Operator::kDoesNotExist;
    else if (op != "In")
      return fail(Code::kInvalid, concat("\"", op, "\" is not one of In, NotIn, Exists, DoesNotExist"));
    if (takes_values == requirement.values.empty())
      return fail(Code::kInvalid, concat("operator ", op, takes_values ? " needs values" : " takes no values"));
    selector.requirements_.push_back(std::move(requirement));
  }
  for (const Requirement& requirement : selector.requirements_) SERIN_TRY(check(requirement));
  normalize(selector.requirements_);
  return selector;
}

LabelSelector LabelSelector::from_map(const json::value* labels) {
  const json::object* members = labels ? labels->if_object() : nullptr;
  if (!members || members->empty()) return nothing();
  LabelSelector selector;
  for (const auto& [key, value] : *members)
    selector.requirements_.push_back({std::string(key), Operator::kIn, {std::string(json::as_string(&value))}});
  normalize(selector.requirements_);
  return selector;
}

LabelSelector LabelSelector::nothing() {
  LabelSelector selector;
  selector.nothing_ = true;
  return selector;
}

bool LabelSelector::matches(const json::value* labels) const {
  if (nothing_) return false;
  const json::object* members = labels ? labels->if_object() : nullptr;
  return std::all_of(requirements_.begin(), requirements_.end(),
                     [&](const Requirement& requirement) { return satisfied(requirement, members); });
}

std::string LabelSelector::str() const {
  if (nothing_) return "nothing,!nothing";  // the query form has no word for it, but contradictions
  std::vector<std::string> parts;
  for (const Requirement& r : requirements_) {
    switch (r.op) {
      case Operator::kExists: parts.push_back(r.key); break;
      case Operator::kDoesNotExist: parts.push_back("!" + r.key); break;
      case Operator::kIn:
      case Operator::kNotIn: {
        bool in = r.op == Operator::kIn;
        if (r.values.size() == 1) parts.push_back(concat(r.key, in ? "=" : "!=", r.values[0]));
        else parts.push_back(concat(r.key, in ? " in (" : " notin (", join(r.values, ","), ")"));
      }
    }
  }
  return join(parts, ",");
}

Result<FieldSelector> FieldSelector::parse(std::string_view text) {
  FieldSelector selector;
  // Terms are separated by commas; a backslash keeps ',', '=' and '\' in a value.
  Term term;
  std::string* part = &term.field;
  bool compared = false;
  auto malformed = [&] {
    return fail(Code::kBadRequest, concat("field selector \"", text, "\": each term must be field=value or field!=value"));
  };
  auto finish = [&] {
    if (!compared || term.field.empty()) return false;
    selector.terms_.push_back(std::move(term));
    term = {};
    part = &term.field;
    compared = false;
    return true;
  };
  if (trim(text).empty()) return selector;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '\\' && compared) {
      if (++i == text.size()) return malformed();
      *part += text[i];
    } else if (c == ',') {
      if (!finish()) return malformed();
    } else if (!compared && (c == '=' || (c == '!' && text.substr(i).starts_with("!=")))) {
      term.equal = c == '=';
      if (text.substr(i).starts_with("==") || c == '!') ++i;
      part = &term.value;
      compared = true;
    } else if (compared && c == '=') {
      return malformed();
    } else if (!compared && c == '!') {
      return malformed();
    } else if (!(is_space(c) && part == &term.field)) {
      *part += c;
    }
  }
  if (!finish()) return malformed();
  return selector;
}

bool FieldSelector::matches(const json::value& doc) const {
  for (const Term& term : terms_) {
    const json::value* at = &doc;
    for (std::string_view name : split(term.field, '.')) {
      at = json::find(*at, name);
      if (!at) break;
    }
    bool text = !at || at->is_string() || at->is_null();
    std::string actual = text ? std::string(json::as_string(at)) : json::dump(*at);
    if ((actual == term.value) != term.equal) return false;
  }
  return true;
}

std::string FieldSelector::str() const {
  std::vector<std::string> parts;
  for (const Term& term : terms_) {
    std::string value;
    for (char c : term.value) {
      if (c == '\\' || c == ',' || c == '=') value += '\\';
      value += c;
    }
    parts.push_back(concat(term.field, term.equal ? "=" : "!=", value));
  }
  return join(parts, ",");
}

}  // namespace serin::kube
