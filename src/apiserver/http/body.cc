#include "apiserver/http/body.h"

#include <algorithm>
#include <unordered_set>
#include <variant>

#include "apiserver/http/request_info.h"
#include "base/strings.h"
#include "data/yaml.h"
#include "kube/protobuf.h"

namespace serin::apiserver {
namespace {

std::string media_type(const net::Request& request) {
  std::string_view type = request.headers.get("Content-Type");
  if (auto parts = cut(type, ';')) type = parts->first;
  return lower(trim(type));
}

/// The names of one object's members so far.
class MemberNames {
 public:
  /// False where it is there already.
  bool add(std::string_view name) {
    if (few_.size() < kFew) {
      if (std::find(few_.begin(), few_.end(), name) != few_.end()) return false;
      few_.push_back(name);
      return true;
    }
    if (many_.empty()) many_.insert(few_.begin(), few_.end());
    return many_.insert(name).second;
  }

 private:
  static constexpr size_t kFew = 16;  // up to here a look at each is the quickest
  std::vector<std::string_view> few_;
  std::unordered_set<std::string_view> many_;
};

/// Walks well-formed JSON and notes members that repeat. A path is put together for those alone: a body may have a
/// hundred thousand members below a name of a megabyte.
class DuplicateFinder {
 public:
  explicit DuplicateFinder(std::string_view text) : text_(text) {}
  std::vector<std::string> found;

  void value() {
    spaces();
    if (peek() == '{') return object();
    if (peek() == '[') return array();
    if (peek() == '"') {
      string();
      return;
    }
    while (at_ < text_.size() && std::string_view(",]} \n\r\t").find(text_[at_]) == std::string_view::npos) ++at_;
  }

 private:
  /// A member's name, or an element's index.
  using Step = std::variant<std::string_view, size_t>;

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void spaces() { while (at_ < text_.size() && std::string_view(" \n\r\t").find(text_[at_]) != std::string_view::npos) ++at_; }
  std::string_view string() {
    size_t start = ++at_;
    for (at_ = quote(at_); is_escaped(start); at_ = quote(at_ + 1)) {}
    std::string_view inside = text_.substr(start, at_ - start);
    ++at_;
    return inside;
  }
  size_t quote(size_t from) const { return std::min(text_.find('"', from), text_.size()); }
  /// Whether an odd number of backslashes stands before here, in a string that begins at `start`.
  bool is_escaped(size_t start) const {
    size_t first = at_;
    while (first > start && text_[first - 1] == '\\') --first;
    return at_ < text_.size() && (at_ - first) % 2 == 1;
  }
  void object() {
    MemberNames seen;
    ++at_;
    for (spaces(); at_ < text_.size() && peek() != '}'; spaces()) {
      if (peek() == ',') {
        ++at_;
        spaces();
      }
      std::string_view name = string();
      path_.emplace_back(name);
      if (!seen.add(name) && found.size() < kMaxFound) found.push_back(path());
      spaces();
      ++at_;  // the colon
      value();
      path_.pop_back();
    }
    ++at_;
  }
  void array() {
    ++at_;
    size_t index = 0;
    for (spaces(); at_ < text_.size() && peek() != ']'; spaces()) {
      if (peek() == ',') ++at_;
      path_.emplace_back(index++);
      value();
      path_.pop_back();
    }
    ++at_;
  }
  std::string path() const {
    std::string out;
    for (const Step& step : path_) {
      if (const auto* index = std::get_if<size_t>(&step)) out += concat('[', *index, ']');
      else out += concat(out.empty() ? "" : ".", std::get<std::string_view>(step));
    }
    return out;
  }

  static constexpr size_t kMaxFound = 100;
  std::string_view text_;
  size_t at_ = 0;
  std::vector<Step> path_;
};

Result<Body> decode(std::string_view text, bool as_yaml) {
  Body body;
  if (as_yaml) {
    auto strict = yaml::parse(text, true);
    if (strict) {
      body.value = *std::move(strict);
      return body;
    }
    auto lenient = yaml::parse(text, false);
    if (!lenient) return fail(Code::kBadRequest, concat("error parsing the body as YAML: ", lenient.error().message));
    body.value = *std::move(lenient);
    body.duplicates.push_back("yaml: unmarshal errors:\n  " + strict.error().message);
    return body;
  }
  auto parsed = json::parse(text);
  if (!parsed) return fail(Code::kBadRequest, concat("error parsing the body as JSON: ", parsed.error().message));
  body.value = *std::move(parsed);
  for (const std::string& path : duplicate_members(text)) body.duplicates.push_back(concat("duplicate field \"", path, '"'));
  return body;
}

Error unsupported(std::string_view accepted) {
  return {Code::kUnsupportedMediaType,
          concat("the body of the request was in an unknown format - accepted media types include: ", accepted)};
}

Error invalid_deletion(std::string reason, std::string message) {
  std::string text = concat("DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: ", message);
  return {Code::kInvalid, std::move(text), {{std::move(reason), std::move(message), "propagationPolicy"}}, {}, false};
}

Result<void> check_manager(std::string_view manager) {
  constexpr size_t kMaxBytes = 128;  // FieldManagerMaxLength of k8s.io/apimachinery
  auto refused = [](std::string reason, std::string message) {
    return fail(Error{Code::kInvalid, concat("fieldManager: ", message), {{std::move(reason), message, "fieldManager"}}, {}, false});
  };
  if (manager.size() > kMaxBytes) return refused("FieldValueTooLong", concat("Too long: may not be more than ", kMaxBytes, " bytes"));
  bool printable = std::none_of(manager.begin(), manager.end(), [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; });
  if (!printable) return refused("FieldValueInvalid", "Invalid value: should only contain printable characters");
  return {};
}

std::optional<int64_t> number(const net::Request& request, std::string_view name) {
  return parse_int<int64_t>(request.parameter(name));
}

}  // namespace

std::vector<std::string> duplicate_members(std::string_view text) {
  DuplicateFinder finder(text);
  finder.value();
  return std::move(finder.found);
}

Result<Body> read_body(const net::Request& request) {
  std::string type = media_type(request);
  if (type == "application/vnd.kubernetes.protobuf")
    return Body{SERIN_TRY(kube::object_from_protobuf(request.body)), {}};
  if (!type.empty() && type != "application/json" && type != "application/yaml" && type != "text/plain" &&
      type != "application/x-www-form-urlencoded")
    return fail(unsupported("application/json, application/yaml, application/vnd.kubernetes.protobuf"));
  if (trim(request.body).empty()) return fail(Code::kBadRequest, "the request needs a body");
  return decode(request.body, type == "application/yaml");
}

Result<std::pair<client::Patch, std::vector<std::string>>> read_patch(const net::Request& request) {
  using Type = client::Patch::Type;
  std::string type = media_type(request);
  std::optional<Type> patch;
  if (type == "application/json-patch+json") patch = Type::kJson;
  if (type == "application/merge-patch+json") patch = Type::kMerge;
  if (type == "application/strategic-merge-patch+json") patch = Type::kStrategic;
  if (type == "application/apply-patch+yaml") patch = Type::kApply;
  if (!patch)
    return fail(unsupported("application/json-patch+json, application/merge-patch+json, "
                            "application/strategic-merge-patch+json, application/apply-patch+yaml"));
  // YAML contains JSON, but its reader is slower.
  bool as_yaml = patch == Type::kApply && !trim(request.body).starts_with('{');
  Body body = SERIN_TRY(decode(request.body, as_yaml));
  return std::pair{client::Patch{*patch, std::move(body.value)}, std::move(body.duplicates)};
}

Result<client::DeleteOptions> read_delete_options(const net::Request& request) {
  client::DeleteOptions options;
  std::optional<bool> orphan;  // the older name of a propagation policy
  auto all = [](std::string_view value) { return value == "All"; };
  if (!trim(request.body).empty()) {
    Body body = SERIN_TRY(read_body(request));
    const json::value& doc = body.value;
    if (!doc.is_object()) return fail(Code::kBadRequest, "the body of a deletion must be DeleteOptions");
    options.grace_seconds = json::as_int(json::find(doc, "gracePeriodSeconds"));
    options.propagation = json::get_string(doc, "propagationPolicy");
    if (const json::value* flag = json::find(doc, "orphanDependents"); flag && flag->is_bool()) orphan = flag->get_bool();
    options.uid = json::get_string(doc, "preconditions", "uid");
    options.version = kube::ResourceVersion::parse(json::get_string(doc, "preconditions", "resourceVersion"));
    for (const json::value& value : json::items(doc, "dryRun")) options.dry_run |= all(json::as_string(&value));
  }
  if (auto grace = number(request, "gracePeriodSeconds")) options.grace_seconds = grace;
  if (std::string policy = request.parameter("propagationPolicy"); !policy.empty()) options.propagation = policy;
  if (!request.parameter("orphanDependents").empty()) orphan = is_set(request, "orphanDependents");
  options.dry_run |= all(request.parameter("dryRun"));
  if (orphan && !options.propagation.empty())
    return fail(invalid_deletion("FieldValueInvalid", concat("Invalid value: \"", options.propagation,
                                                             "\": orphanDependents and deletionPropagation cannot be both set")));
  if (orphan) options.propagation = *orphan ? "Orphan" : "Background";
  const std::string& policy = options.propagation;
  if (!policy.empty() && policy != "Foreground" && policy != "Background" && policy != "Orphan")
    return fail(invalid_deletion("FieldValueNotSupported", concat("Unsupported value: \"", policy,
                                                                  "\": supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\"")));
  return options;
}

Result<client::WriteOptions> read_write_options(const net::Request& request, std::string manager) {
  client::WriteOptions options;
  options.field_manager = request.parameter("fieldManager");
  if (options.field_manager.empty()) options.field_manager = std::move(manager);
  SERIN_TRY(check_manager(options.field_manager));
  options.field_validation = request.parameter("fieldValidation");
  if (options.field_validation.empty()) options.field_validation = "Warn";
  if (options.field_validation != "Ignore" && options.field_validation != "Warn" && options.field_validation != "Strict")
    return fail(Code::kInvalid, concat("fieldValidation: Unsupported value: \"", options.field_validation,
                                       "\": supported values: \"Ignore\", \"Strict\", \"Warn\""));
  std::string dry_run = request.parameter("dryRun");
  if (!dry_run.empty() && dry_run != "All")
    return fail(Code::kInvalid, concat("dryRun: Unsupported value: \"", dry_run, "\": supported values: \"All\""));
  options.dry_run = !dry_run.empty();
  options.force = is_set(request, "force");
  return options;
}

}  // namespace serin::apiserver
