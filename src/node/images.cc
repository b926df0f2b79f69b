#include "node/images.h"

#include "base/strings.h"

namespace serin::node {

Result<std::vector<std::string>> split_words(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (quote != 0) {
      if (c == quote) {
        quote = 0;
      } else if (quote == '"' && c == '\\' && i + 1 < text.size() && (text[i + 1] == '"' || text[i + 1] == '\\')) {
        word += text[++i];
      } else {
        word += c;
      }
    } else if (c == '\'' || c == '"') {
      quote = c;
      in_word = true;
    } else if (c == '\\' && i + 1 < text.size()) {
      word += text[++i];
      in_word = true;
    } else if (c == ' ' || c == '\t') {
      if (in_word) words.push_back(std::move(word));
      word.clear();
      in_word = false;
    } else {
      word += c;
      in_word = true;
    }
  }
  if (quote != 0) return fail(Code::kInvalid, concat("a ", quote, " is not closed"));
  if (in_word) words.push_back(std::move(word));
  return words;
}

Result<ImageRule> parse_image_rule(std::string_view line) {
  auto parts = cut(line, '=');
  if (!parts || trim(parts->first).empty())
    return fail(Code::kInvalid, concat("\"", line, "\" is not of the form PATTERN=COMMAND"));
  auto words = split_words(parts->second);
  if (!words) return fail(Code::kInvalid, concat("\"", line, "\": ", words.error().message));
  return ImageRule{std::string(trim(parts->first)), std::move(*words)};
}

std::vector<std::string> ImageTable::set_config(const json::value* data) {
  std::vector<std::string> problems;
  config_.clear();
  const json::object* entries = data != nullptr ? data->if_object() : nullptr;
  if (entries == nullptr) return problems;
  for (const auto& [key, value] : *entries) {
    int number = 0;
    for (std::string_view line : split(json::as_string(&value), '\n')) {
      ++number;
      line = trim(line);
      if (line.empty() || line.starts_with('#')) continue;
      auto rule = parse_image_rule(line);
      if (rule) {
        config_.push_back(std::move(*rule));
      } else {
        problems.push_back(concat(std::string_view(key), ": line ", number, ": ", rule.error().message));
      }
    }
  }
  return problems;
}

const ImageRule* ImageTable::find(std::string_view image) const {
  for (const auto* rules : {&first_, &config_}) {
    const ImageRule* best = nullptr;
    for (const ImageRule& rule : *rules)
      if (glob_match(rule.pattern, image) && (best == nullptr || rule.pattern.size() > best->pattern.size()))
        best = &rule;
    if (best != nullptr) return best;
  }
  return nullptr;
}

Result<std::vector<std::string>> command_line(const ImageRule& rule, const std::vector<std::string>& command,
                                              const std::vector<std::string>& args) {
  const auto& entrypoint = command.empty() ? rule.command : command;
  std::vector<std::string> out;
  bool placed = false;
  for (const std::string& word : entrypoint) {
    if (word == "{args}" && command.empty()) {
      out.insert(out.end(), args.begin(), args.end());
      placed = true;
    } else {
      out.push_back(word);
    }
  }
  if (!placed) out.insert(out.end(), args.begin(), args.end());
  if (out.empty())
    return fail(Code::kInvalid, concat("image pattern ", rule.pattern,
                                       " is mapped to no command, and the container brings none"));
  return out;
}

std::string mapping_advice(std::string_view image) {
  return concat("image ", image, " is not mapped to a program of this machine; map it with --image '", image,
                "=COMMAND' or a line \"", image, "=COMMAND\" in the ConfigMap serin-system/images");
}

}  // namespace serin::node
