#include "data/yaml.h"

#include <yaml.h>

#include <map>

#include "base/strings.h"
#include "data/yaml_scalar.h"

namespace serin::yaml {
namespace {

using json::array;
using json::object;
using json::value;

constexpr std::string_view kMergeTag = "tag:yaml.org,2002:merge";

tl::unexpected<Error> fail_at(const yaml_mark_t& mark, std::string_view message) {
  return fail(Code::kInvalid, concat("line ", mark.line + 1, ", column ", mark.column + 1, ": ", message));
}

std::string_view text_of(const yaml_char_t* text) {
  return text ? std::string_view(reinterpret_cast<const char*>(text)) : std::string_view();
}

/// One event, freed with its owner.
struct Event {
  yaml_event_t raw{};
  Event() = default;
  Event(Event&& other) noexcept : raw(other.raw) { other.raw = {}; }
  Event& operator=(Event&&) = delete;
  ~Event() { yaml_event_delete(&raw); }
};

/// Reads libyaml's events into JSON values. One per stream; anchors live for one document.
class Reader {
 public:
  Reader(std::string_view text, bool strict, Limits limits) : strict_(strict), limits_(limits) {
    ready_ = yaml_parser_initialize(&parser_) == 1;
    if (text.empty()) text = "";  // libyaml takes no null
    if (ready_)
      yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()), text.size());
  }
  ~Reader() {
    if (ready_) yaml_parser_delete(&parser_);
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  Result<std::vector<Document>> read() {
    if (!ready_) return fail(Code::kInternal, "no memory for a YAML parser");
    std::vector<Document> documents;
    while (true) {
      Event event = SERIN_TRY(next());
      if (event.raw.type == YAML_STREAM_END_EVENT) return documents;
      if (event.raw.type != YAML_DOCUMENT_START_EVENT) continue;
      anchors_.clear();
      Event root = SERIN_TRY(next());
      int line = static_cast<int>(root.raw.start_mark.line) + 1;
      value read = SERIN_TRY(node(root.raw, 0));
      if (!read.is_null()) documents.push_back({std::move(read), line});
    }
  }

 private:
  struct Anchor {
    value meaning;
    size_t nodes = 0;
    bool complete = false;
  };

  Result<Event> next() {
    Event event;
    if (yaml_parser_parse(&parser_, &event.raw) == 1) return event;
    std::string message(parser_.problem ? parser_.problem : "not YAML");
    yaml_mark_t mark = parser_.problem_mark;
    if (parser_.error == YAML_READER_ERROR) {
      mark = parser_.mark;
      message = concat(message, " at byte ", parser_.problem_offset);
    } else if (parser_.context) {
      message = concat(parser_.context, " from line ", parser_.context_mark.line + 1, ": ", message);
    }
    return fail_at(mark, message);
  }

  Result<void> count(size_t nodes, const yaml_mark_t& mark) {
    nodes_ += nodes;
    if (nodes_ > limits_.max_nodes)
      return fail_at(mark, concat("the document has more than ", limits_.max_nodes, " values once aliases are expanded"));
    return {};
  }

  Result<value> node(const yaml_event_t& event, size_t depth) {
    if (depth > json::kMaxDepth) return fail_at(event.start_mark, "nested too deeply");
    if (event.type == YAML_ALIAS_EVENT) return alias(event);
    SERIN_TRY(count(1, event.start_mark));
    size_t before = nodes_;
    std::string anchor(text_of(anchor_of(event)));
    if (!anchor.empty()) anchors_[anchor] = Anchor{};
    value read;
    switch (event.type) {
      case YAML_SCALAR_EVENT: read = SERIN_TRY(scalar(event)); break;
      case YAML_SEQUENCE_START_EVENT: read = SERIN_TRY(sequence(depth)); break;
      case YAML_MAPPING_START_EVENT: read = SERIN_TRY(mapping(depth)); break;
      default: return fail_at(event.start_mark, "unexpected end of the document");
    }
    if (!anchor.empty()) anchors_[anchor] = Anchor{read, nodes_ - before + 1, true};
    return read;
  }

  static const yaml_char_t* anchor_of(const yaml_event_t& event) {
    switch (event.type) {
      case YAML_SCALAR_EVENT: return event.data.scalar.anchor;
      case YAML_SEQUENCE_START_EVENT: return event.data.sequence_start.anchor;
      case YAML_MAPPING_START_EVENT: return event.data.mapping_start.anchor;
      default: return nullptr;
    }
  }

  Result<value> alias(const yaml_event_t& event) {
    std::string name(text_of(event.data.alias.anchor));
    auto found = anchors_.find(name);
    if (found == anchors_.end()) return fail_at(event.start_mark, concat("unknown anchor \"", name, "\""));
    if (!found->second.complete) return fail_at(event.start_mark, concat("anchor \"", name, "\" contains itself"));
    SERIN_TRY(count(found->second.nodes, event.start_mark));
    return found->second.meaning;
  }

  static Result<value> scalar(const yaml_event_t& event) {
    const auto& scalar = event.data.scalar;
    std::string_view text(reinterpret_cast<const char*>(scalar.value), scalar.length);
    std::string_view tag = text_of(scalar.tag);
    Result<value> read = !tag.empty() && tag != "!" ? resolve_tagged(tag, text)
                         : scalar.plain_implicit    ? resolve_plain(text)
                                                    : Result<value>(value(text));
    if (!read) return fail_at(event.start_mark, read.error().message);
    return read;
  }

  Result<value> sequence(size_t depth) {
    array list;
    while (true) {
      Event event = SERIN_TRY(next());
      if (event.raw.type == YAML_SEQUENCE_END_EVENT) return value(std::move(list));
      list.push_back(SERIN_TRY(node(event.raw, depth + 1)));
    }
  }

  static bool is_merge(const yaml_event_t& event) {
    if (event.type != YAML_SCALAR_EVENT) return false;
    const auto& scalar = event.data.scalar;
    if (text_of(scalar.tag) == kMergeTag) return true;
    return scalar.plain_implicit && std::string_view(reinterpret_cast<const char*>(scalar.value), scalar.length) == "<<";
  }

  /// Members written out win over merged ones, wherever the `<<` stands; of several merged maps the first wins.
  Result<value> mapping(size_t depth) {
    object members, merged;
    while (true) {
      Event event = SERIN_TRY(next());
      if (event.raw.type == YAML_MAPPING_END_EVENT) break;
      yaml_mark_t mark = event.raw.start_mark;
      if (is_merge(event.raw)) {
        Event source = SERIN_TRY(next());
        if (!merge(merged, SERIN_TRY(node(source.raw, depth + 1))))
          return fail_at(mark, "`<<` needs a map or a list of maps");
        continue;
      }
      Result<std::string> name = key_name(SERIN_TRY(node(event.raw, depth + 1)));
      if (!name) return fail_at(mark, name.error().message);
      if (strict_ && members.contains(*name)) return fail_at(mark, concat("key \"", *name, "\" already set in map"));
      Event item = SERIN_TRY(next());
      value read = SERIN_TRY(node(item.raw, depth + 1));
      members[*name] = std::move(read);
    }
    for (auto& [name, item] : merged)
      if (!members.contains(name)) members[name] = std::move(item);
    return value(std::move(members));
  }

  static bool merge(object& into, const value& from) {
    if (const object* source = from.if_object()) {
      for (const auto& [name, item] : *source)
        if (!into.contains(name)) into[name] = item;
      return true;
    }
    const array* sources = from.if_array();
    if (!sources) return false;
    for (const value& source : *sources)
      if (!source.is_object() || !merge(into, source)) return false;
    return true;
  }

  yaml_parser_t parser_{};
  bool ready_ = false;
  bool strict_;
  Limits limits_;
  size_t nodes_ = 0;
  std::map<std::string, Anchor> anchors_;
};

// ---- writing ----

/// Whether a text with line breaks can stand as a literal block and read back unchanged.
bool block_is_safe(std::string_view text) {
  if (text.find('\n') == std::string_view::npos) return false;
  if (text.front() == ' ' || text.front() == '\n' || text.front() == '\t') return false;
  for (std::string_view line : split(text, '\n')) {
    if (!line.empty() && trim(line).empty()) return false;
    for (char c : line)
      if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) return false;
  }
  return true;
}

/// A double-quoted scalar: a JSON string, with what YAML reads as a line break or refuses escaped too.
std::string quoted(std::string_view text) {
  std::string out;
  std::string plain = json::dump(value(text));
  for (size_t i = 0; i < plain.size(); ++i) {
    std::string_view rest = std::string_view(plain).substr(i);
    auto c = static_cast<unsigned char>(rest[0]);
    if (c == 0x7f) {
      out += "\\x7F";
    } else if (c == 0xc2 && rest.size() > 1 && static_cast<unsigned char>(rest[1]) < 0xa0) {
      constexpr std::string_view kHex = "0123456789ABCDEF";
      auto low = static_cast<unsigned char>(plain[++i]);
      out += concat("\\x", kHex[low >> 4], kHex[low & 15]);
    } else if (rest.starts_with("\xe2\x80\xa8") || rest.starts_with("\xe2\x80\xa9")) {
      out += rest[2] == '\xa8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else if (rest.starts_with("\xef\xbb\xbf")) {
      out += "\\uFEFF";
      i += 2;
    } else {
      out += plain[i];
    }
  }
  return out;
}

void write_scalar_text(std::string_view text, size_t indent, std::string& out) {
  if (plain_is_safe(text)) {
    out += text;
  } else if (block_is_safe(text)) {
    bool ends = text.back() == '\n';
    bool more = ends && text.size() > 1 && text[text.size() - 2] == '\n';
    out += more ? "|+" : ends ? "|" : "|-";
    std::string_view lines = ends ? text.substr(0, text.size() - 1) : text;
    for (std::string_view line : split(lines, '\n')) {
      out += '\n';
      if (!line.empty()) out.append(indent, ' ') += line;
    }
  } else {
    out += quoted(text);
  }
}

/// Writes `v` after "key:" or "-"; `indent` is where its own lines begin.
void write(const value& v, size_t indent, bool in_sequence, std::string& out);

void write_members(const object& members, size_t indent, bool first_line_open, std::string& out) {
  for (const auto& [name, item] : members) {
    if (!first_line_open) out.append(indent, ' ');
    first_line_open = false;
    if (plain_is_safe(name)) out += name;
    else out += quoted(name);
    out += ':';
    write(item, indent, false, out);
  }
}

void write_items(const array& list, size_t indent, bool first_line_open, std::string& out) {
  for (const value& item : list) {
    if (!first_line_open) out.append(indent, ' ');
    first_line_open = false;
    out += '-';
    write(item, indent, true, out);
  }
}

void write(const value& v, size_t indent, bool in_sequence, std::string& out) {
  if (const object* members = v.if_object(); members && !members->empty()) {
    out += in_sequence ? ' ' : '\n';
    write_members(*members, indent + 2, in_sequence, out);
  } else if (const array* list = v.if_array(); list && !list->empty()) {
    out += in_sequence ? ' ' : '\n';
    write_items(*list, in_sequence ? indent + 2 : indent, in_sequence, out);
  } else {
    out += ' ';
    if (v.is_string()) write_scalar_text(json::as_string(&v), indent + 2, out);
    else out += json::dump(v);
    out += '\n';
  }
}

}  // namespace

Result<std::vector<Document>> parse_all(std::string_view text, bool strict, Limits limits) {
  if (text.size() > limits.max_bytes)
    return fail(Code::kInvalid, concat("the YAML text has ", text.size(), " bytes; at most ", limits.max_bytes, " are read"));
  return Reader(text, strict, limits).read();
}

Result<value> parse(std::string_view text, bool strict, Limits limits) {
  std::vector<Document> documents = SERIN_TRY(parse_all(text, strict, limits));
  if (documents.size() == 1) return std::move(documents.front().value);
  if (documents.empty()) return fail(Code::kInvalid, "there is no YAML document");
  return fail(Code::kInvalid, concat("line ", documents[1].line, ", column 1: a second document begins where one was expected"));
}

std::string dump(const value& v) {
  std::string out;
  if (const object* members = v.if_object(); members && !members->empty()) {
    write_members(*members, 0, false, out);
  } else if (const array* list = v.if_array(); list && !list->empty()) {
    write_items(*list, 0, false, out);
  } else {
    write(v, 0, false, out);
    out.erase(0, 1);
  }
  return out;
}

}  // namespace serin::yaml
