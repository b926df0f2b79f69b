#include "apiserver/stored_object.h"

#include <charconv>
#include <cstdlib>

#include "base/strings.h"

namespace serin::apiserver {
namespace {

constexpr std::string_view kMetadata = ",\"metadata\":{";

/// What a parsed entry takes, roughly: a tree of values costs more than its text where values are short.
size_t parsed_bytes(const Entry& entry) { return 3 * entry.bytes.size() + (2 << 10); }

void append_text(std::string& out, std::string_view text) { out += json::dump(json::value(text)); }

}  // namespace

std::string stored_text(const json::value& doc, std::string_view api_version, std::string_view kind) {
  std::string out = "{\"apiVersion\":";
  append_text(out, api_version);
  out += ",\"kind\":";
  append_text(out, kind);
  out += kMetadata;
  bool first = true;
  auto member = [&](const auto& pair) {
    if (!first) out += ',';
    first = false;
    append_text(out, pair.key());
    out += ':';
    out += json::dump(pair.value());
  };
  if (const json::object* metadata = json::find_object(doc, "metadata"))
    for (const auto& pair : *metadata)
      if (pair.key() != "resourceVersion") member(pair);
  out += '}';
  first = false;
  for (const auto& pair : doc.get_object())
    if (pair.key() != "apiVersion" && pair.key() != "kind" && pair.key() != "metadata") member(pair);
  out += '}';
  return out;
}

std::string_view after_metadata_brace(std::string_view stored) {
  size_t at = stored.find(kMetadata);
  if (at == std::string_view::npos) std::abort();  // only stored_text writes entries
  return stored.substr(at + kMetadata.size());
}

ObjectSplicer::ObjectSplicer(std::string_view api_version, std::string_view kind) {
  head_ = "{\"apiVersion\":";
  append_text(head_, api_version);
  head_ += ",\"kind\":";
  append_text(head_, kind);
  head_ += kMetadata;
  head_ += "\"resourceVersion\":\"";
}

void ObjectSplicer::append(std::string& out, const Entry& entry, Revision revision) const {
  std::string_view rest = after_metadata_brace(entry.bytes);
  char digits[20];
  auto end = std::to_chars(digits, digits + sizeof digits, revision).ptr;
  out += head_;
  out.append(digits, end);
  out += rest.front() == '}' ? "\"" : "\",";
  out += rest;
}

void append_object(std::string& out, const Entry& entry, std::string_view api_version, std::string_view kind,
                   Revision revision) {
  ObjectSplicer(api_version, kind).append(out, entry, revision);
}

kube::Object ObjectCache::get(const EntryPtr& entry) {
  {
    std::lock_guard lock(mutex_);
    if (auto found = slots_.find(entry.get()); found != slots_.end()) return found->second.object;
  }
  auto doc = json::parse(entry->bytes);
  if (!doc) return {};  // checked when it was written and when the store was opened
  json::set(*doc, {"metadata", "resourceVersion"}, json::value(std::to_string(entry->revision)));
  kube::Object object(*std::move(doc));
  put(entry, object);
  return object;
}

void ObjectCache::put(const EntryPtr& entry, kube::Object object) {
  std::vector<Slot> dropped;  // outside the lock: dropping a document takes longer than all else here
  std::lock_guard lock(mutex_);
  auto [slot, added] = slots_.insert_or_assign(entry.get(), Slot{entry, std::move(object)});
  if (!added) return;
  order_.push_back(entry.get());
  bytes_ += parsed_bytes(*entry);
  while (bytes_ > capacity_ && order_.size() > 1) {
    auto oldest = slots_.find(order_.front());
    bytes_ -= parsed_bytes(*oldest->second.entry);
    dropped.push_back(std::move(oldest->second));
    slots_.erase(oldest);
    order_.pop_front();
  }
}

kube::Object in_version(const kube::Object& object, std::string_view api_version) {
  if (object.api_version() == api_version) return object;
  return object.edit([&](json::value& doc) { json::set(doc, {"apiVersion"}, json::value(api_version)); });
}

}  // namespace serin::apiserver
