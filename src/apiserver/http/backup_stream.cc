#include "apiserver/http/backup_stream.h"

#include "apiserver/http/piecewise.h"
#include "base/strings.h"

namespace serin::apiserver {
namespace {

constexpr int kForm = 1;
constexpr std::string_view kEnd = "end";

void append_line(std::string& out, const Collection& collection, const Entry& entry) {
  out += json::dump(json::array{json::value(collection.cluster), json::value(collection.group_resource),
                                json::value(entry.name.ns), json::value(entry.name.name), json::value(entry.revision)});
  out += '\t';
  out += entry.bytes;
  out += '\n';
}

Error foreign() { return {Code::kInvalid, "what came is no backup of this version of Serin"}; }

}  // namespace

void send_backup(Snapshot snapshot, std::unique_ptr<net::Responder> responder) {
  net::Response head;
  head.headers.set("Content-Type", "application/octet-stream");
  std::string begin = json::dump(json::object{{"serinBackup", kForm}, {"revision", snapshot.revision}, {"objects", snapshot.objects()}}) + "\n";
  send_pieces(std::move(head), std::move(responder),
              [snapshot = std::move(snapshot), begin = std::move(begin), at = size_t(0), next = size_t(0)](std::string& piece) mutable {
                piece += begin;
                begin.clear();
                for (; at < snapshot.collections.size(); ++at, next = 0) {
                  const auto& [collection, entries] = snapshot.collections[at];
                  for (; next < entries.size(); ++next) {
                    if (piece.size() >= kPieceBytes) return true;
                    append_line(piece, collection, *entries[next]);
                  }
                }
                piece += concat(kEnd, '\n');
                return false;
              });
}

Result<void> BackupReader::feed(std::string_view bytes) {
  rest_ += bytes;
  size_t from = 0;
  for (size_t end; (end = rest_.find('\n', from)) != std::string::npos; from = end + 1)
    SERIN_TRY(take(std::string_view(rest_).substr(from, end - from)));
  rest_.erase(0, from);
  return {};
}

Result<void> BackupReader::take(std::string_view line) {
  if (ended_) return fail(foreign());
  if (!begun_) {
    auto head = json::parse(line);
    if (!head || json::get_int(*head, 0, "serinBackup") != kForm) return fail(foreign());
    revision_ = Revision(json::get_int(*head, 0, "revision"));
    announced_ = size_t(json::get_int(*head, 0, "objects"));
    begun_ = true;
    return {};
  }
  if (line == kEnd) {
    ended_ = true;
    return {};
  }
  auto parts = cut(line, '\t');
  auto place = parts ? json::parse(parts->first) : Result<json::value>(fail(foreign()));
  if (!place || !place->is_array() || place->get_array().size() != 5) return fail(foreign());
  auto text = [&](size_t i) { return std::string(json::as_string(&place->get_array()[i])); };
  ++objects_;
  return writer_.add({text(0), text(1)}, {text(2), text(3)}, Revision(json::as_int(&place->get_array()[4]).value_or(0)),
                     parts->second);
}

Result<void> BackupReader::finish() {
  if (!ended_ || objects_ != announced_)
    return fail(Code::kUnavailable, "the backup broke off before its end; nothing was kept");
  return writer_.finish(revision_);
}

}  // namespace serin::apiserver
