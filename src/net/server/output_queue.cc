#include "net/server/output_queue.h"

#include <algorithm>
#include <utility>

namespace serin::net {

void OutputQueue::add(std::string bytes, bool payload) {
  if (!bytes.empty()) pieces_.push_back({std::move(bytes), nullptr, 0, payload});
}

void OutputQueue::add(SharedBytes bytes, bool payload) {
  if (bytes && !bytes->empty()) pieces_.push_back({{}, std::move(bytes), 0, payload});
}

void OutputQueue::gather() {
  staged_.clear();
  staged_done_ = 0;
  staged_payload_ = 0;
  size_t size = 0;
  for (const Piece& piece : pieces_)
    if ((size += piece.left().size()) >= kRecord) break;
  staged_.reserve(std::min(size, kRecord));
  while (!pieces_.empty() && staged_.size() < kRecord) {
    Piece& piece = pieces_.front();
    std::string_view part = piece.left().substr(0, kRecord - staged_.size());
    staged_ += part;
    piece.done += part.size();
    if (piece.payload) staged_payload_ += part.size();
    if (piece.left().empty()) pieces_.pop_front();
  }
}

std::string_view OutputQueue::front() {
  if (staged_done_ == staged_.size()) {
    if (pieces_.empty()) return {};
    if (pieces_.front().left().size() >= kRecord) return pieces_.front().left();
    gather();
  }
  return std::string_view(staged_).substr(staged_done_);
}

size_t OutputQueue::sent(size_t size) {
  if (staged_done_ < staged_.size()) {
    staged_done_ += size;
    if (staged_done_ < staged_.size()) return 0;
    if (pieces_.empty() && staged_.capacity() > kKeep) {
      staged_ = std::string();
      staged_done_ = 0;
    }
    return std::exchange(staged_payload_, 0);
  }
  Piece& piece = pieces_.front();
  piece.done += size;
  bool payload = piece.payload;
  if (piece.left().empty()) pieces_.pop_front();
  return payload ? size : 0;
}

void OutputQueue::clear() {
  pieces_.clear();
  staged_.clear();
  staged_done_ = 0;
  staged_payload_ = 0;
}

}  // namespace serin::net
