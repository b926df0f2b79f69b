#include "apiserver/http/list_stream.h"

#include "apiserver/http/piecewise.h"

namespace serin::apiserver {

bool is_long_list(const net::Request& request, const Representation& as, const Page& page) {
  if (as.form != Representation::Form::kObject || as.content_type() != "application/json") return false;
  if (request.headers.get("Accept-Encoding").find("gzip") != std::string_view::npos) return false;
  size_t bytes = 0;
  for (const EntryPtr& entry : page.entries)
    if ((bytes += entry->bytes.size()) > kPieceBytes) return true;
  return false;
}

void send_long_list(const Rest& rest, const Target& target, Page page, net::Response head,
                    std::unique_ptr<net::Responder> responder) {
  constexpr std::string_view kEnd = "]}";
  std::vector<EntryPtr> entries = std::exchange(page.entries, {});
  std::string begin = ObjectWriter(rest, target, {}).list(page).value();  // JSON without items
  begin.resize(begin.size() - kEnd.size());
  ObjectSplicer splicer(target.api_version(), target.kind());
  send_pieces(std::move(head), std::move(responder),
              [entries = std::move(entries), begin = std::move(begin), splicer = std::move(splicer), kEnd,
               next = size_t(0)](std::string& piece) mutable {
                piece += begin;
                begin.clear();
                for (; next < entries.size() && piece.size() < kPieceBytes; ++next) {
                  if (next != 0) piece += ',';
                  splicer.append(piece, *entries[next], entries[next]->revision);
                  entries[next].reset();
                }
                if (next < entries.size()) return true;
                piece += kEnd;
                return false;
              });
}

}  // namespace serin::apiserver
