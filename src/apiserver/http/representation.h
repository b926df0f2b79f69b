#pragma once

/// How an answer shall look: the whole object, a Table or metadata only; JSON, YAML or protobuf. Pure.

#include <functional>
#include <string>
#include <string_view>

#include "apiserver/rest/rest.h"
#include "base/error.h"
#include "net/http.h"

namespace serin::apiserver {

struct Representation {
  enum class Form { kObject, kTable, kPartial } form = Form::kObject;
  enum class Encoding { kJson, kYaml, kProtobuf } encoding = Encoding::kJson;
  std::string meta_version = "v1";  ///< of meta.k8s.io
  /// What a Table row carries: "Metadata", "None" or "Object".
  std::string include_object = "Metadata";

  std::string content_type() const;
  /// Of a watch: frames of protobuf, or JSON documents one after the other.
  std::string stream_content_type() const;
  /// Distinguishes representations in caches.
  std::string key() const;
};

/// The best of the `accept` header's types (by q, then in order) that can be had. `protobuf`: whether the resource's
/// objects have a protobuf form; their metadata always has one, a Table never. kNotAcceptable where there is none.
Result<Representation> negotiate(std::string_view accept, std::string_view include_object, bool protobuf);
/// Whether an answer that is no resource's (Status, reviews, discovery) shall be protobuf where it can.
bool prefers_protobuf(std::string_view accept);
/// The JSON text of an object of a built-in kind as protobuf; unchanged JSON for any other. Sets the content type.
void reencode_as_protobuf(net::Response& response);

/// One event of a watch, framed; `object` is as the representation has it.
std::string event_bytes(const Representation& as, std::string_view type, std::string_view object);

/// Writes objects of one resource in one representation. kInternal for a stored object that cannot be read, or not be
/// written so: one of an older version, or of a damaged store.
class ObjectWriter {
 public:
  ObjectWriter(const Rest& rest, Target target, Representation as)
      : rest_(rest), target_(std::move(target)), as_(std::move(as)) {}

  Result<std::string> object(const EntryPtr&, Revision) const;
  Result<std::string> object(const kube::Object&) const;
  Result<std::string> list(const Page&) const;
  /// `with_columns`: a Table carries its column definitions.
  Result<std::string> event_object(const EntryPtr&, Revision, bool with_columns) const;
  Result<std::string> bookmark(Revision, bool ends_initial_events) const;
  const Representation& representation() const { return as_; }

 private:
  std::string partial(const kube::Object&) const;
  std::string table(const std::vector<kube::Object>&, std::string_view metadata, bool with_columns) const;
  Result<std::string> finished(std::string json) const;
  Result<std::string> protobuf_list(const Page&) const;
  Result<kube::Object> read(const EntryPtr&) const;
  Result<kube::Object> at(const EntryPtr&, Revision) const;

  const Rest& rest_;
  Target target_;
  Representation as_;
};

}  // namespace serin::apiserver
