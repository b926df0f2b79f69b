#include "node/log_reader.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/strings.h"
#include "base/time.h"
#include "node/shim/proc.h"

namespace serin::node {
namespace {

constexpr size_t kPiece = 64 << 10;

Fd open_log(const std::string& path) { return Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)); }

ino_t inode(int fd) {
  struct stat info{};
  return ::fstat(fd, &info) == 0 ? info.st_ino : 0;
}

}  // namespace

LogReader::LogReader(std::string path, int rotated, LogOptions options, std::function<bool()> running)
    : path_(std::move(path)), rotated_(rotated), options_(std::move(options)), running_(std::move(running)) {
  if (options_.limit_bytes) left_bytes_ = *options_.limit_bytes;
  if (options_.follow) {
    notify_ = Fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    std::string directory = path_.substr(0, path_.rfind('/'));
    ::inotify_add_watch(notify_.get(), directory.c_str(), IN_MODIFY | IN_CREATE | IN_MOVED_TO);
  }
}

std::optional<LogReader::Line> LogReader::parse(std::string_view line) {
  auto time = cut(line, ' ');
  auto stream = time ? cut(time->second, ' ') : std::nullopt;
  if (!stream || stream->second.size() < 2 || stream->second[1] != ' ') return std::nullopt;
  return Line{time->first, stream->second.substr(2), stream->second[0] == 'F'};
}

void LogReader::begin() {
  begun_ = true;
  // A rotation while we look may hide a file; the one we hold open is still the oldest that we show.
  for (int i = rotated_; i >= 0 && !file_; --i) file_ = open_log(i == 0 ? path_ : concat(path_, ".", i));
  if (!options_.tail_lines) return;
  int64_t lines = 0;
  bool at_start = true;
  auto count = [&](const std::string& path) {
    auto text = read_file(path);
    if (!text) return;
    for (std::string_view line : split(*text, '\n')) {
      auto parsed = parse(line);
      if (!parsed) continue;
      if (at_start) ++lines;
      at_start = parsed->whole;
    }
  };
  for (int i = rotated_; i >= 0; --i) count(i == 0 ? path_ : concat(path_, ".", i));
  skip_lines_ = std::max<int64_t>(0, lines - std::max<int64_t>(0, *options_.tail_lines));
}

bool LogReader::fill() {
  if (!file_) return false;
  char buffer[kPiece];
  ssize_t n = ::read(file_.get(), buffer, sizeof buffer);
  if (n <= 0) return false;
  raw_.append(buffer, static_cast<size_t>(n));
  return true;
}

bool LogReader::next_file() {
  if (!file_) {
    file_ = open_log(path_);
    return static_cast<bool>(file_);
  }
  ino_t current = inode(file_.get());
  Fd newer;
  for (int i = 0; i <= rotated_; ++i) {
    Fd candidate = open_log(i == 0 ? path_ : concat(path_, ".", i));
    if (!candidate) continue;
    if (inode(candidate.get()) == current) break;
    newer = std::move(candidate);
  }
  if (!newer) return false;
  file_ = std::move(newer);
  return true;
}

std::string LogReader::take() {
  std::string out;
  size_t start = 0;
  for (size_t end; (end = raw_.find('\n', start)) != std::string::npos; start = end + 1) {
    auto line = parse(std::string_view(raw_).substr(start, end - start));
    if (!line) continue;
    bool begins = !mid_line_;
    mid_line_ = !line->whole;
    if (skip_lines_ > 0) {
      if (line->whole) --skip_lines_;
      continue;
    }
    if (options_.since) {
      auto time = parse_time(line->time);
      if (time && *time < *options_.since) continue;
    }
    if (options_.timestamps && begins) out += concat(line->time, " ");
    out += line->text;
    if (line->whole) out += '\n';
  }
  raw_.erase(0, start);
  if (left_bytes_ >= 0) {
    if (static_cast<int64_t>(out.size()) >= left_bytes_) {
      out.resize(static_cast<size_t>(left_bytes_));
      done_ = true;
    }
    left_bytes_ -= static_cast<int64_t>(out.size());
  }
  return out;
}

void LogReader::wait(std::chrono::milliseconds timeout) {
  pollfd watched{notify_.get(), POLLIN, 0};
  ::poll(&watched, 1, static_cast<int>(timeout.count()));
  char drained[4096];
  while (::read(notify_.get(), drained, sizeof drained) > 0) {
  }
}

Result<std::optional<std::string>> LogReader::read(std::chrono::milliseconds timeout) {
  if (!begun_) begin();
  bool waited = false;
  while (!done_ && !canceled_) {
    // Asked before reading: whatever was written before the end is then read below.
    bool running = options_.follow && running_();
    while (fill()) {
      std::string text = take();
      if (!text.empty()) return text;
      if (done_) return fail(Code::kGone, "end of the log");
    }
    if (next_file()) continue;
    if (!running) break;
    if (waited) return std::nullopt;
    wait(timeout);
    waited = true;
  }
  done_ = true;
  return fail(Code::kGone, "end of the log");
}

}  // namespace serin::node
