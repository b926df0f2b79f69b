#include "net/server/output_queue.h"

#include <algorithm>
#include <utility>

namespace serin::net {

void OutputQueue::add(std::string bytes, bool payload) {
  size_t size = bytes.size();
  if (size == 0) return;
  size_ += size;
  pieces_.push_back({std::move(bytes), nullptr, 0, size, payload});
}

void OutputQueue::add(SharedBytes bytes, bool payload) {
  size_t size = bytes ? bytes->size() : 0;
  if (size == 0) return;
  size_ += size;
  pieces_.push_back({{}, std::move(bytes), 0, size, payload});
}

void OutputQueue::add_part(SharedBytes bytes, size_t offset, size_t size) {
  size_ += size;
  pieces_.push_back({{}, std::move(bytes), offset, offset + size, false});
}

void OutputQueue::append(std::string_view bytes) {
  bool joins = !none_left() && !pieces_.back().shared && !pieces_.back().payload;
  if (!joins) return add(std::string(bytes));
  size_ += bytes.size();
  pieces_.back().own += bytes;
  pieces_.back().end += bytes.size();
}

void OutputQueue::pop() {
  pieces_[first_] = {};
  if (++first_ < pieces_.size()) return;
  first_ = 0;
  if (pieces_.capacity() > kKeepPieces)
    pieces_ = {};
  else
    pieces_.clear();
}

void OutputQueue::gather() {
  staged_.clear();
  staged_done_ = 0;
  staged_payload_ = 0;
  staged_.reserve(std::min(size_, kRecord));
  while (!none_left() && staged_.size() < kRecord) {
    Piece& piece = pieces_[first_];
    std::string_view part = piece.left().substr(0, kRecord - staged_.size());
    staged_ += part;
    piece.done += part.size();
    if (piece.payload) staged_payload_ += part.size();
    if (piece.done == piece.end) pop();
  }
}

std::string_view OutputQueue::front() {
  if (staged_done_ == staged_.size()) {
    if (none_left()) return {};
    if (pieces_[first_].left().size() >= kRecord) return pieces_[first_].left();
    gather();
  }
  return std::string_view(staged_).substr(staged_done_);
}

size_t OutputQueue::sent(size_t size) {
  size_ -= size;
  if (staged_done_ < staged_.size()) {
    staged_done_ += size;
    if (staged_done_ < staged_.size()) return 0;
    if (none_left() && staged_.capacity() > kKeep) {
      staged_ = std::string();
      staged_done_ = 0;
    }
    return std::exchange(staged_payload_, 0);
  }
  Piece& piece = pieces_[first_];
  piece.done += size;
  bool payload = piece.payload;
  if (piece.done == piece.end) pop();
  return payload ? size : 0;
}

void OutputQueue::clear() {
  pieces_ = {};
  first_ = 0;
  size_ = 0;
  staged_ = std::string();
  staged_done_ = 0;
  staged_payload_ = 0;
}

}  // namespace serin::net
