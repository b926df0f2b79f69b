#include "client/rest_codec.h"

#include "base/strings.h"

namespace serin::client {
namespace {

constexpr size_t kLongestText = 300;  // of a body that is no Status, in a message

Result<WatchEvent> decode_event(std::string_view line) {
  json::value doc = SERIN_TRY(decode_json(line));
  std::string_view type = json::get_string(doc, "type");
  json::value* object = json::find(doc, "object");
  if (!object) return fail(Code::kInternal, "a watch event has no object");
  if (type == "ERROR") return fail(error_from_status(*object, 500));
  WatchEvent event{};
  if (type == "ADDED")
    event.type = WatchEvent::Type::kAdded;
  else if (type == "MODIFIED")
    event.type = WatchEvent::Type::kModified;
  else if (type == "DELETED")
    event.type = WatchEvent::Type::kDeleted;
  else if (type == "BOOKMARK")
    event.type = WatchEvent::Type::kBookmark;
  else
    return fail(Code::kInternal, concat("a watch event has the unknown type \"", type, "\""));
  event.object = Object(std::move(*object));
  return event;
}

}  // namespace

Result<json::value> decode_json(std::string_view body) {
  auto doc = json::parse(body);
  if (!doc)
    return fail(Code::kInternal, concat("the server's answer is not JSON: ", doc.error().message));
  return doc;
}

std::string api_path(const Resource& resource, std::string_view ns, std::string_view name,
                     std::string_view subresource) {
  std::string path =
      resource.group.empty() ? "/api/" : concat("/apis/", url_encode(resource.group), "/");
  path += url_encode(resource.version);
  if (resource.namespaced && !ns.empty()) path += concat("/namespaces/", url_encode(ns));
  path += concat("/", url_encode(resource.plural));
  if (!name.empty()) path += concat("/", url_encode(name));
  if (!subresource.empty()) path += concat("/", url_encode(subresource));
  return path;
}

Query& Query::add(std::string_view name, std::string_view value) {
  if (value.empty()) return *this;
  if (!text_.empty()) text_ += '&';
  text_ += concat(name, "=", url_encode(value));
  return *this;
}

Query list_query(const ListOptions& options) {
  Query query;
  query.add("labelSelector", options.label_selector).add("fieldSelector", options.field_selector);
  if (options.limit > 0) query.add("limit", std::to_string(options.limit));
  query.add("continue", options.continue_token);
  return query;
}

Query watch_query(const WatchOptions& options, ResourceVersion from) {
  Query query;
  query.add("watch", "1").add("allowWatchBookmarks", "true").add("resourceVersion", from.str());
  query.add("labelSelector", options.label_selector).add("fieldSelector", options.field_selector);
  return query;
}

Query write_query(const WriteOptions& options, const std::string& manager) {
  Query query;
  query.add("fieldManager", options.field_manager.empty() ? manager : options.field_manager);
  if (options.dry_run) query.add("dryRun", "All");
  query.add("fieldValidation", options.field_validation);
  if (options.force) query.add("force", "true");
  return query;
}

std::string_view patch_content_type(Patch::Type type) {
  switch (type) {
    case Patch::Type::kJson: return "application/json-patch+json";
    case Patch::Type::kMerge: return "application/merge-patch+json";
    case Patch::Type::kStrategic: return "application/strategic-merge-patch+json";
    case Patch::Type::kApply: return "application/apply-patch+yaml";
  }
  return "application/json";
}

std::string delete_body(const DeleteOptions& options) {
  json::object body{{"apiVersion", "v1"}, {"kind", "DeleteOptions"}};
  if (options.grace_seconds) body["gracePeriodSeconds"] = *options.grace_seconds;
  if (!options.propagation.empty()) body["propagationPolicy"] = options.propagation;
  json::object preconditions;
  if (!options.uid.empty()) preconditions["uid"] = options.uid;
  if (options.version.value != 0) preconditions["resourceVersion"] = options.version.str();
  if (!preconditions.empty()) body["preconditions"] = std::move(preconditions);
  if (options.dry_run) body["dryRun"] = json::array{"All"};
  return json::dump(body);
}

std::optional<std::chrono::seconds> retry_after(const net::Headers& headers) {
  auto seconds = parse_int<int64_t>(trim(headers.get("Retry-After")));
  if (!seconds || *seconds < 0) return std::nullopt;
  return std::chrono::seconds(*seconds);
}

Error error_from_status(const json::value& status, int http) {
  Error error;
  error.code = code_from(json::get_string(status, "reason"),
                         static_cast<int>(json::get_int(status, http, "code")));
  error.message = json::get_string(status, "message");
  if (error.message.empty())
    error.message = concat("the server answered ", http, " ", net::status_text(http));
  for (const json::value& cause : json::items(status, "details", "causes"))
    error.causes.push_back({std::string(json::get_string(cause, "reason")),
                            std::string(json::get_string(cause, "message")),
                            std::string(json::get_string(cause, "field"))});
  if (int64_t seconds = json::get_int(status, 0, "details", "retryAfterSeconds"); seconds > 0)
    error.retry_after = std::chrono::seconds(seconds);
  return error;
}

Error error_from(const net::Response& response) {
  Error error;
  auto status = json::parse(response.body);
  if (status && json::get_string(*status, "kind") == "Status") {
    error = error_from_status(*status, response.status);
  } else {
    error.code = code_from("", response.status);
    std::string_view text = trim(std::string_view(response.body).substr(0, kLongestText));
    error.message = concat("the server answered ", response.status, " ",
                           net::status_text(response.status), text.empty() ? "" : ": ", text);
  }
  if (auto seconds = retry_after(response.headers)) error.retry_after = seconds;
  return error;
}

Result<ObjectList> decode_list(const Resource& resource, std::string_view body) {
  json::value doc = SERIN_TRY(decode_json(body));
  json::value* items = json::find(doc, "items");
  if (!items)
    return fail(Code::kInternal,
                concat("the answer to a list of ", resource.group_resource(), " has no items"));
  ObjectList list;
  list.version = ResourceVersion::parse(json::get_string(doc, "metadata", "resourceVersion"));
  list.continue_token = json::get_string(doc, "metadata", "continue");
  if (!items->is_array()) return list;  // null: Go's empty list
  list.items.reserve(items->get_array().size());
  for (json::value& item : items->get_array()) {
    json::object* object = item.if_object();
    if (!object) return fail(Code::kInternal, "a list has an item that is no object");
    if (!object->contains("apiVersion")) (*object)["apiVersion"] = resource.api_version();
    if (!object->contains("kind")) (*object)["kind"] = resource.kind;
    list.items.emplace_back(std::move(item));
  }
  return list;
}

void WatchDecoder::feed(std::string_view bytes) {
  if (begin_ > 0) {
    buffer_.erase(0, begin_);
    scanned_ -= begin_;
    begin_ = 0;
  }
  buffer_ += bytes;
}

Result<std::optional<WatchEvent>> WatchDecoder::next() {
  for (;;) {
    size_t end = buffer_.find('\n', scanned_);
    if (end == std::string::npos) {
      scanned_ = buffer_.size();
      return std::nullopt;
    }
    std::string_view line = trim(std::string_view(buffer_).substr(begin_, end - begin_));
    begin_ = scanned_ = end + 1;
    if (!line.empty()) return SERIN_TRY(decode_event(line));
  }
}

}  // namespace serin::client
