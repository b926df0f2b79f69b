#include "data/patch.h"

#include <vector>

#include "base/strings.h"

namespace serin::json {
namespace {

/// The reference tokens of a pointer, unescaped; nullopt where it is malformed.
std::optional<std::vector<std::string>> tokens_of(std::string_view pointer) {
  std::vector<std::string> tokens;
  if (pointer.empty()) return tokens;
  if (pointer.front() != '/') return std::nullopt;
  for (std::string_view part : split(pointer.substr(1), '/')) {
    std::string token;
    for (size_t i = 0; i < part.size(); ++i) {
      if (part[i] != '~') {
        token += part[i];
        continue;
      }
      if (++i == part.size() || (part[i] != '0' && part[i] != '1')) return std::nullopt;
      token += part[i] == '0' ? '~' : '/';
    }
    tokens.push_back(std::move(token));
  }
  return tokens;
}

/// An array index as RFC 6901 has it: decimal, no sign, no leading zero.
std::optional<size_t> index_of(std::string_view token) {
  if (token.empty() || token.size() > 9 || (token.size() > 1 && token[0] == '0')) return std::nullopt;
  for (char c : token)
    if (c < '0' || c > '9') return std::nullopt;
  return parse_int<size_t>(token);
}

const value* step(const value& at, const std::string& token) {
  if (const object* members = at.if_object()) return members->if_contains(token);
  if (const array* list = at.if_array()) {
    std::optional<size_t> index = index_of(token);
    return index && *index < list->size() ? &(*list)[*index] : nullptr;
  }
  return nullptr;
}

const value* walk(const value& doc, const std::vector<std::string>& tokens, size_t count) {
  const value* at = &doc;
  for (size_t i = 0; at && i < count; ++i) at = step(*at, tokens[i]);
  return at;
}

/// Carries out the operations of one patch on one document.
class Patcher {
 public:
  explicit Patcher(value doc) : doc_(std::move(doc)) {}

  Result<void> apply(const value& operation) {
    std::string_view op = get_string(operation, "op");
    if (op == "add") return add(SERIN_TRY(pointer(operation, "path")), SERIN_TRY(operand(operation)));
    if (op == "remove") return SERIN_TRY(remove(SERIN_TRY(pointer(operation, "path")))), Result<void>();
    if (op == "replace") {
      Tokens path = SERIN_TRY(pointer(operation, "path"));
      value to = SERIN_TRY(operand(operation));
      *SERIN_TRY(existing(path)) = std::move(to);
      return {};
    }
    if (op == "test") {
      const value* at = SERIN_TRY(existing(SERIN_TRY(pointer(operation, "path"))));
      if (!same(*at, SERIN_TRY(operand(operation))))
        return fail(Code::kInvalid, concat("the test at ", get_string(operation, "path"), " failed"));
      return {};
    }
    if (op == "move") {
      Tokens from = SERIN_TRY(pointer(operation, "from"));
      Tokens path = SERIN_TRY(pointer(operation, "path"));
      if (path.size() > from.size() && std::equal(from.begin(), from.end(), path.begin()))
        return fail(Code::kInvalid, "a value cannot move into itself");
      return add(path, SERIN_TRY(remove(from)));
    }
    if (op == "copy") {
      value copied = *SERIN_TRY(existing(SERIN_TRY(pointer(operation, "from"))));
      if (bytes_ == 0) bytes_ = dump(doc_).size();
      bytes_ += dump(copied).size();
      if (bytes_ > kMaxPatchedBytes)
        return fail(Code::kTooLarge, concat("copies grow the document beyond ", kMaxPatchedBytes, " bytes"));
      return add(SERIN_TRY(pointer(operation, "path")), std::move(copied));
    }
    return fail(Code::kInvalid, concat("unknown op \"", op, "\""));
  }

  value take() { return std::move(doc_); }

 private:
  using Tokens = std::vector<std::string>;

  static Result<Tokens> pointer(const value& operation, std::string_view field) {
    const value* text = find(operation, field);
    if (!text || !text->is_string()) return fail(Code::kInvalid, concat("\"", field, "\" is missing"));
    std::optional<Tokens> tokens = tokens_of(as_string(text));
    if (!tokens)
      return fail(Code::kInvalid, concat("\"", as_string(text), "\" is not a JSON pointer"));
    return std::move(*tokens);
  }

  static Result<value> operand(const value& operation) {
    const value* found = find(operation, "value");
    if (!found) return fail(Code::kInvalid, "\"value\" is missing");
    return *found;
  }

  /// Equality of JSON: numbers by value, whatever their representation.
  static bool same(const value& a, const value& b) {
    if (a == b) return true;
    if (a.is_number() && b.is_number()) return a.to_number<double>() == b.to_number<double>();
    if (a.is_array() && b.is_array()) {
      const array &x = a.get_array(), &y = b.get_array();
      return std::equal(x.begin(), x.end(), y.begin(), y.end(), same);
    }
    if (a.is_object() && b.is_object()) {
      const object &x = a.get_object(), &y = b.get_object();
      if (x.size() != y.size()) return false;
      for (const auto& [name, member] : x) {
        const value* other = y.if_contains(name);
        if (!other || !same(member, *other)) return false;
      }
      return true;
    }
    return false;
  }

  static tl::unexpected<Error> nowhere(const Tokens& tokens) {
    return fail(Code::kInvalid, concat("the path /", join(tokens, "/"), " leads nowhere"));
  }

  Result<value*> existing(const Tokens& tokens) {
    const value* at = walk(doc_, tokens, tokens.size());
    if (!at) return nowhere(tokens);
    return const_cast<value*>(at);
  }

  Result<value*> parent(const Tokens& tokens) {
    const value* at = walk(doc_, tokens, tokens.size() - 1);
    if (!at) return nowhere(tokens);
    return const_cast<value*>(at);
  }

  Result<void> add(const Tokens& tokens, value to) {
    if (tokens.empty()) {
      doc_ = std::move(to);
      return {};
    }
    value* at = SERIN_TRY(parent(tokens));
    if (object* members = at->if_object()) {
      (*members)[tokens.back()] = std::move(to);
      return {};
    }
    array* list = at->if_array();
    if (!list) return nowhere(tokens);
    std::optional<size_t> index = tokens.back() == "-" ? list->size() : index_of(tokens.back());
    if (!index || *index > list->size()) return nowhere(tokens);
    list->insert(list->begin() + static_cast<std::ptrdiff_t>(*index), std::move(to));
    return {};
  }

  Result<value> remove(const Tokens& tokens) {
    value* target = SERIN_TRY(existing(tokens));
    value taken = std::move(*target);
    if (tokens.empty()) {
      doc_ = nullptr;
      return taken;
    }
    value* at = SERIN_TRY(parent(tokens));
    if (object* members = at->if_object()) members->erase(tokens.back());
    else at->get_array().erase(at->get_array().begin() + static_cast<std::ptrdiff_t>(*index_of(tokens.back())));
    return taken;
  }

  value doc_;
  size_t bytes_ = 0;  // an upper bound of the document's size, kept from the first copy on
};

}  // namespace

const value* find_pointer(const value& doc, std::string_view pointer) {
  std::optional<std::vector<std::string>> tokens = tokens_of(pointer);
  return tokens ? walk(doc, *tokens, tokens->size()) : nullptr;
}

Result<value> apply_patch(value doc, const value& patch) {
  const array* operations = patch.if_array();
  if (!operations) return fail(Code::kInvalid, "a JSON patch must be a list of operations");
  Patcher patcher(std::move(doc));
  for (size_t i = 0; i < operations->size(); ++i) {
    if (!(*operations)[i].is_object())
      return fail(Code::kInvalid, concat("patch operation ", i, ": must be an object"));
    if (Result<void> done = patcher.apply((*operations)[i]); !done) {
      Error error = done.error();
      error.message = concat("patch operation ", i, ": ", error.message);
      return fail(std::move(error));
    }
  }
  return patcher.take();
}

void merge_patch(value& doc, const value& patch) {
  const object* changes = patch.if_object();
  if (!changes) {
    doc = patch;
    return;
  }
  if (!doc.is_object()) doc = object();
  object& members = doc.get_object();
  for (const auto& [name, change] : *changes) {
    if (change.is_null()) members.erase(name);
    else merge_patch(members[name], change);
  }
}

value make_merge_patch(const value& from, const value& to) {
  const object* before = from.if_object();
  const object* after = to.if_object();
  if (!after) return to;
  object patch;
  if (before) {
    for (const auto& [name, member] : *before)
      if (!after->contains(name)) patch[name] = nullptr;
  }
  for (const auto& [name, member] : *after) {
    const value* old = before ? before->if_contains(name) : nullptr;
    if (!old) patch[name] = member;
    else if (*old != member)
      patch[name] = old->is_object() && member.is_object() ? make_merge_patch(*old, member) : member;
  }
  return patch;
}

}  // namespace serin::json
