#include "kube/schema_tables.h"

#include <algorithm>
#include <cstdlib>
#include <tuple>

#include "base/strings.h"

namespace serin::kube {
namespace {

using Words = std::vector<std::string_view>;

/// Splits at spaces, but not inside double quotes.
Words words_of(std::string_view line) {
  Words words;
  size_t begin = std::string_view::npos;
  bool quoted = false;
  for (size_t i = 0; i <= line.size(); ++i) {
    bool end = i == line.size() || (line[i] == ' ' && !quoted);
    if (i < line.size() && line[i] == '"') quoted = !quoted;
    if (!end && begin == std::string_view::npos) begin = i;
    if (end && begin != std::string_view::npos) {
      words.push_back(line.substr(begin, i - begin));
      begin = std::string_view::npos;
    }
  }
  return words;
}

std::string_view unquoted(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"')
    return text.substr(1, text.size() - 2);
  return text;
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

std::vector<std::string> list_of(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (std::string_view part : split(text, separator)) parts.emplace_back(part);
  return parts;
}

/// A default as it stands in a table: JSON where it reads as JSON, else a string.
json::value literal(std::string_view text) {
  auto parsed = json::parse(text);
  if (parsed) return *std::move(parsed);
  return json::value(text);
}

struct Line {
  std::string_view file;
  int number = 0;
  Words words;
};

struct TypeBlock {
  std::string package;
  std::shared_ptr<Schema> schema;
  std::vector<Line> lines;
  bool started = false;
};

class Parser {
 public:
  Result<SchemaTables> run(const std::vector<TableFile>& files) {
    for (const TableFile& file : files) SERIN_TRY(read(file));
    for (auto& [name, block] : blocks_) SERIN_TRY(fill(block));
    SchemaTables tables;
    for (auto& [name, block] : blocks_) tables.types.emplace(name, block.schema);
    for (auto& [info, package] : resources_) {
      auto type = blocks_.find(concat(package, ".", info.resource.kind));
      if (type == blocks_.end())
        return fail(Code::kInvalid, concat("resource ", info.resource.plural, ": no type ", package,
                                           ".", info.resource.kind));
      info.schema = type->second.schema;
      tables.resources.push_back(std::move(info));
    }
    auto key = [](const ResourceInfo& info) {
      return std::tie(info.resource.group, info.resource.version, info.resource.plural);
    };
    std::sort(tables.resources.begin(), tables.resources.end(),
              [&](const auto& a, const auto& b) { return key(a) < key(b); });
    return tables;
  }

 private:
  static tl::unexpected<Error> bad(const Line& line, std::string_view what) {
    return fail(Code::kInvalid, concat(line.file, ":", line.number, ": ", what));
  }

  Result<void> read(const TableFile& file) {
    std::string package, group, version;
    TypeBlock* type = nullptr;
    int number = 0;
    for (std::string_view text : split(file.text, '\n')) {
      Line line{file.name, ++number, words_of(text)};
      const Words& words = line.words;
      if (words.empty() || words[0].starts_with('#')) continue;
      if (text[0] == ' ') {
        if (type) type->lines.push_back(std::move(line));
        else if (!resources_.empty()) SERIN_TRY(resource_detail(resources_.back().first, line));
        else return bad(line, "belongs to nothing");
        continue;
      }
      if (words.size() < 2) return bad(line, "expected a name");
      if (words[0] == "package") package = words[1];
      else if (words[0] == "group") group = words[1] == "-" ? "" : std::string(words[1]);
      else if (words[0] == "version") version = words[1];
      else if (words[0] == "resource") {
        type = nullptr;
        resources_.emplace_back(SERIN_TRY(resource(line, group, version)), package);
      } else if (words[0] == "type") {
        std::string name = concat(package, ".", words[1]);
        auto [at, fresh] = blocks_.try_emplace(name);
        if (!fresh) return bad(line, concat("type ", name, " is there twice"));
        type = &at->second;
        type->package = package;
        type->schema = std::make_shared<Schema>();
        type->schema->type = SchemaType::kObject;
        type->schema->name = name;
        type->schema->atomic = words.size() > 2 && words[2] == "atomic";
      } else {
        return bad(line, concat("unknown word \"", words[0], "\""));
      }
    }
    return {};
  }

  static Result<ResourceInfo> resource(const Line& line, const std::string& group,
                                       const std::string& version) {
    const Words& words = line.words;
    if (words.size() < 4 || (words[3] != "namespaced" && words[3] != "cluster"))
      return bad(line, "expected: resource PLURAL KIND namespaced|cluster ...");
    ResourceInfo info;
    info.resource = {group, version, std::string(words[1]), std::string(words[2]),
                     words[3] == "namespaced"};
    info.singular = lower(words[2]);
    info.list_kind = concat(words[2], "List");
    info.verbs = {"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"};
    for (size_t i = 4; i < words.size(); ++i) {
      std::string_view word = words[i];
      if (take_prefix(word, "short=")) info.short_names = list_of(word, ',');
      else if (take_prefix(word, "categories=")) info.categories = list_of(word, ',');
      else if (take_prefix(word, "verbs=")) info.verbs = list_of(word, ',');
      else if (word == "generation=yes") info.has_generation = true;
      else if (take_prefix(word, "scale=")) {
        std::vector<std::string> paths = list_of(word, ',');
        if (paths.size() != 3) return bad(line, "scale= needs three paths");
        info.scale = ResourceInfo::Scale{paths[0], paths[1], paths[2]};
      } else if (take_prefix(word, "subresources=")) {
        for (std::string& name : list_of(word, ',')) {
          if (name == "status") info.status_subresource = true;
          else info.other_subresources.push_back(std::move(name));
        }
      } else {
        return bad(line, concat("unknown word \"", word, "\""));
      }
    }
    return info;
  }

  static Result<void> resource_detail(ResourceInfo& info, const Line& line) {
    const Words& words = line.words;
    if (words[0] == "select") {
      for (size_t i = 1; i < words.size(); ++i) info.selectable_fields.emplace_back(words[i]);
      return {};
    }
    if (words[0] != "column" || words.size() < 4)
      return bad(line, "expected: column NAME TYPE PATH [priority=N]");
    PrinterColumn column;
    column.name = unquoted(words[1]);
    column.type = words[2];
    column.json_path = words[3];
    if (words.size() > 4) {
      std::string_view priority = words[4];
      if (!take_prefix(priority, "priority=")) return bad(line, "unknown word");
      column.priority = parse_int<int>(priority).value_or(0);
    }
    info.columns.push_back(std::move(column));
    return {};
  }

  /// Reads the fields of a type, those of the types it refers to first.
  Result<void> fill(TypeBlock& block) {
    if (block.started) return {};
    block.started = true;
    for (const Line& line : block.lines) {
      const Words& words = line.words;
      if (words.size() < 3) return bad(line, "expected: NAME NUMBER TYPE ...");
      auto number = parse_int<int>(words[1]);
      if (!number) return bad(line, "expected a protobuf number");
      if (words[0] == "+") {
        TypeBlock* inlined = find(words[2], block.package);
        if (!inlined) return bad(line, concat("unknown type ", words[2]));
        SERIN_TRY(fill(*inlined));
        for (Field field : inlined->schema->fields) {
          field.proto_parent = *number;
          block.schema->fields.push_back(std::move(field));
        }
        for (const std::string& name : inlined->schema->required)
          block.schema->required.push_back(name);
        continue;
      }
      std::string_view type = words[2];
      bool pointer = take_prefix(type, "*");
      SchemaPtr schema = SERIN_TRY(type_of(type, block.package, line));
      bool required = false;
      if (words.size() > 3) schema = SERIN_TRY(with_flags(*schema, line, required));
      block.schema->fields.push_back({std::string(words[0]), schema, *number, 0, pointer});
      if (required) block.schema->required.emplace_back(words[0]);
    }
    return {};
  }

  TypeBlock* find(std::string_view name, std::string_view package) {
    std::string full = name.find('.') == name.npos ? concat(package, ".", name) : std::string(name);
    auto at = blocks_.find(full);
    if (at == blocks_.end()) at = blocks_.find(concat("meta/v1.", name));
    return at == blocks_.end() ? nullptr : &at->second;
  }

  Result<SchemaPtr> type_of(std::string_view text, const std::string& package, const Line& line) {
    if (auto known = plain_.find(text); known != plain_.end()) return known->second;
    auto schema = std::make_shared<Schema>();
    auto scalar = [&](SchemaType type, std::string_view format = {}) {
      schema->type = type;
      schema->format = format;
      plain_.emplace(text, schema);
      return schema;
    };
    std::string_view inner = text;
    if (take_prefix(inner, "[]")) {
      schema->type = SchemaType::kArray;
      schema->items = SERIN_TRY(type_of(inner, package, line));
      return schema;
    }
    if (take_prefix(inner, "map[string]")) {
      schema->type = SchemaType::kObject;
      schema->values = SERIN_TRY(type_of(inner, package, line));
      return schema;
    }
    if (text == "string") return scalar(SchemaType::kString);
    if (text == "bool") return scalar(SchemaType::kBoolean);
    if (text == "int32" || text == "int64") return scalar(SchemaType::kInteger, text);
    if (text == "float64") return scalar(SchemaType::kNumber, "double");
    if (text == "bytes") return scalar(SchemaType::kString, "byte");
    if (text == "Time") return scalar(SchemaType::kString, "date-time");
    if (text == "MicroTime") return scalar(SchemaType::kString, "micro-time");
    if (text == "Duration") return scalar(SchemaType::kString, "duration");
    if (text == "Quantity") return scalar(SchemaType::kString, "quantity");
    if (text == "IntOrString") return scalar(SchemaType::kIntOrString);
    if (text == "JSON") return scalar(SchemaType::kAny, "json");
    if (text == "SchemaOrBool") return scalar(SchemaType::kAny, "schema-or-bool");
    if (text == "SchemaOrArray") return scalar(SchemaType::kAny, "schema-or-array");
    if (text == "SchemaOrStrings") return scalar(SchemaType::kAny, "schema-or-strings");
    if (text == "RawExtension" || text == "FieldsV1") {
      schema->preserve_unknown = true;
      return scalar(SchemaType::kObject, text == "FieldsV1" ? "fields-v1" : "raw");
    }
    if (text == "ItemList") {
      schema->items = SERIN_TRY(type_of("string", package, line));
      return scalar(SchemaType::kArray, "item-list");
    }
    TypeBlock* named = find(text, package);
    if (!named) return bad(line, concat("unknown type ", text));
    SERIN_TRY(fill(*named));
    return named->schema;
  }

  /// A copy of `plain` with the flags of the line.
  static Result<SchemaPtr> with_flags(const Schema& plain, const Line& line, bool& required) {
    auto schema = std::make_shared<Schema>(plain);
    for (size_t i = 3; i < line.words.size(); ++i) {
      std::string_view word = line.words[i];
      if (word == "required") required = true;
      else if (word == "atomic") schema->atomic = true;
      else if (word == "retainKeys") schema->retain_keys = true;
      else if (word == "merge") schema->merge = true;
      else if (word == "list=set") schema->list_type = ListType::kSet;
      else if (take_prefix(word, "merge=")) schema->merge = true, schema->merge_key = word;
      else if (take_prefix(word, "list=map(")) {
        schema->list_type = ListType::kMap;
        schema->list_keys = list_of(word.substr(0, word.size() - 1), ',');
      } else if (take_prefix(word, "default=")) {
        schema->default_value = literal(word);
      } else if (take_prefix(word, "min=")) {
        schema->minimum = std::atof(std::string(word).c_str());
      } else if (take_prefix(word, "max=")) {
        schema->maximum = std::atof(std::string(word).c_str());
      } else if (take_prefix(word, "enum=")) {
        std::vector<json::value> values;
        for (const std::string& value : list_of(unquoted(word), '|')) values.emplace_back(value);
        if (schema->type == SchemaType::kString) {
          schema->enumeration = std::move(values);
        } else {
          SchemaPtr& inner = schema->items ? schema->items : schema->values;
          if (!inner) return bad(line, "enum= needs strings");
          auto copy = std::make_shared<Schema>(*inner);
          copy->enumeration = std::move(values);
          inner = copy;
        }
      } else {
        return bad(line, concat("unknown flag \"", word, "\""));
      }
    }
    return schema;
  }

  std::map<std::string, TypeBlock, std::less<>> blocks_;
  std::map<std::string, SchemaPtr, std::less<>> plain_;  // types that need no package
  std::vector<std::pair<ResourceInfo, std::string>> resources_;
};

}  // namespace

Result<SchemaTables> parse_tables(const std::vector<TableFile>& files) { return Parser().run(files); }

}  // namespace serin::kube
