#include "apiserver/http/json_path.h"

#include "base/strings.h"

namespace serin::apiserver {
namespace {

/// Reads a JSONPath from left to right.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}
  bool done() const { return at_ >= text_.size(); }
  char peek() const { return done() ? '\0' : text_[at_]; }
  bool take(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  void spaces() { while (peek() == ' ') ++at_; }
  /// A member name; `\.` stands for a dot.
  std::string name() {
    std::string out;
    for (; !done(); ++at_) {
      char c = text_[at_];
      if (c == '\\' && at_ + 1 < text_.size()) out += text_[++at_];
      else if (std::string_view(".[]()=!<> ").find(c) != std::string_view::npos) break;
      else out += c;
    }
    return out;
  }
  /// A quoted text; the opening quote is next.
  std::optional<std::string> quoted() {
    char quote = peek();
    if (quote != '\'' && quote != '"') return std::nullopt;
    size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) return std::nullopt;
    std::string out(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return out;
  }

 private:
  std::string_view text_;
  size_t at_ = 0;
};

const json::value* member_of(const json::value& v, std::string_view name) {
  const json::object* object = v.if_object();
  return object ? object->if_contains(name) : nullptr;
}

}  // namespace

Result<JsonPath> JsonPath::parse(std::string_view text) {
  auto wrong = [&] { return fail(Code::kInvalid, concat("JSONPath ", text, " is not supported")); };
  std::string_view inner = trim(text);
  if (inner.starts_with('{') && inner.ends_with('}')) inner = inner.substr(1, inner.size() - 2);
  Reader in(inner);
  in.take("$");
  JsonPath path;
  while (!in.done()) {
    Step step;
    if (in.take("[")) {
      in.spaces();
      if (in.take("*")) {
        step.kind = Step::Kind::kAll;
      } else if (in.take("?(")) {
        step.kind = Step::Kind::kFilter;
        in.spaces();
        if (!in.take("@")) return wrong();
        while (in.take(".")) step.path.push_back(in.name());
        in.spaces();
        if (in.take("==")) step.test = Step::Test::kEqual;
        else if (in.take("!=")) step.test = Step::Test::kUnequal;
        if (step.test != Step::Test::kExists) {
          in.spaces();
          if (auto quoted = in.quoted()) {
            step.wanted = json::value(*quoted);
          } else {
            auto literal = json::parse(in.name());
            if (!literal) return wrong();
            step.wanted = *literal;
          }
        }
        in.spaces();
        if (!in.take(")")) return wrong();
      } else if (auto quoted = in.quoted()) {
        step.kind = Step::Kind::kMember;
        step.member = *quoted;
      } else {
        auto number = parse_int<int64_t>(in.name());
        if (!number) return wrong();
        step.kind = Step::Kind::kIndex;
        step.index = *number;
      }
      in.spaces();
      if (!in.take("]")) return wrong();
    } else {
      if (!in.take(".") && !path.steps_.empty()) return wrong();
      if (in.peek() == '[' || in.done()) continue;
      if (in.take("*")) {
        step.kind = Step::Kind::kAll;
      } else {
        step.kind = Step::Kind::kMember;
        step.member = in.name();
        if (step.member.empty()) return wrong();
      }
    }
    path.steps_.push_back(std::move(step));
  }
  return path;
}

bool JsonPath::Step::admits(const json::value& item) const {
  const json::value* found = &item;
  for (const std::string& name : path)
    if (found) found = member_of(*found, name);
  if (test == Test::kExists) return found != nullptr;
  return (found && *found == wanted) == (test == Test::kEqual);
}

std::vector<const json::value*> JsonPath::find(const json::value& doc) const {
  std::vector<const json::value*> now{&doc};
  for (const Step& step : steps_) {
    std::vector<const json::value*> next;
    for (const json::value* v : now) {
      const json::array* array = v->if_array();
      switch (step.kind) {
        case Step::Kind::kMember:
          if (const json::value* found = member_of(*v, step.member)) next.push_back(found);
          break;
        case Step::Kind::kIndex: {
          if (!array) break;
          int64_t index = step.index < 0 ? step.index + int64_t(array->size()) : step.index;
          if (index >= 0 && index < int64_t(array->size())) next.push_back(&(*array)[size_t(index)]);
          break;
        }
        case Step::Kind::kAll:
        case Step::Kind::kFilter: {
          auto visit = [&](const json::value& item) {
            if (step.kind == Step::Kind::kAll || step.admits(item)) next.push_back(&item);
          };
          if (array) for (const json::value& item : *array) visit(item);
          else if (const json::object* object = v->if_object()) for (const auto& member : *object) visit(member.value());
          break;
        }
      }
    }
    now = std::move(next);
  }
  return now;
}

}  // namespace serin::apiserver
