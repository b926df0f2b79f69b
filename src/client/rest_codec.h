#pragma once

/// The Kubernetes API as text: paths, queries, patches' content types, Status answers, watch lines.
/// Pure.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "client/client.h"
#include "net/http.h"

namespace serin::client {

/// "/api/v1/namespaces/demo/pods/x/status", "/apis/apps/v1/deployments"; `name` and `subresource`
/// may be empty, as may `ns` for all namespaces or a cluster-scoped resource.
std::string api_path(const Resource& resource, std::string_view ns, std::string_view name = {},
                     std::string_view subresource = {});

/// Query parameters, escaped; those with an empty value are left out.
class Query {
 public:
  Query& add(std::string_view name, std::string_view value);
  const std::string& str() const { return text_; }

 private:
  std::string text_;
};

Query list_query(const ListOptions& options);
Query watch_query(const WatchOptions& options, ResourceVersion from);
/// `manager` where the options name none.
Query write_query(const WriteOptions& options, const std::string& manager);

std::string_view patch_content_type(Patch::Type type);
/// The DeleteOptions body.
std::string delete_body(const DeleteOptions& options);

/// The error that an answer with status >= 400 means: a Status where the body is one, else the text
/// of it.
Error error_from(const net::Response& response);
/// The error that a Status object means; `http` counts where it has no code.
Error error_from_status(const json::value& status, int http);
/// The Retry-After field, in seconds.
std::optional<std::chrono::seconds> retry_after(const net::Headers& headers);

/// A server's answer; kInternal where it is not JSON, for that is no fault of the request's.
Result<json::value> decode_json(std::string_view body);
/// One page of a list. Items get the list's apiVersion and kind, which servers leave out.
Result<ObjectList> decode_list(const Resource& resource, std::string_view body);

/// Cuts a watch's body into events. An ERROR event is the stream's error, and nothing comes after
/// it.
class WatchDecoder {
 public:
  void feed(std::string_view bytes);
  /// nullopt: more bytes are needed.
  Result<std::optional<WatchEvent>> next();

 private:
  std::string buffer_;
  size_t begin_ = 0;    // of the next line
  size_t scanned_ = 0;  // no line end before
};

}  // namespace serin::client
