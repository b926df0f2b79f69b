#pragma once

/// Reads a container's log file (node/shim/log_writer.h) as `kubectl logs` shows it: only the text, or each line
/// with its time. Follows it through rotations. One reader, one thread; `cancel` from any.

#include <atomic>
#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "node/shim/fd.h"

namespace serin::node {

struct LogOptions {
  std::string container;  ///< empty: the pod's only one
  bool follow = false, previous = false, timestamps = false;
  std::optional<int64_t> tail_lines, limit_bytes;
  std::optional<TimePoint> since;
};

class LogReader {
 public:
  /// `path` is the current file, `rotated` how many older ones may stand beside it; `running` says whether more
  /// may come. A file that does not exist reads as empty.
  LogReader(std::string path, int rotated, LogOptions options, std::function<bool()> running);

  /// The next piece of text, never empty; nullopt where none comes within `timeout`; kGone at the end.
  Result<std::optional<std::string>> read(std::chrono::milliseconds timeout);
  /// Makes a waiting `read` return kGone soon.
  void cancel() { canceled_ = true; }

 private:
  struct Line {
    std::string_view time, text;
    bool whole;
  };
  static std::optional<Line> parse(std::string_view line);
  /// Opens the oldest file, so far in that `tail_lines` lines follow.
  void begin();
  /// Reads on in the open file. False at its end.
  bool fill();
  /// Goes on to the file that came after the open one. False where the open one is the newest.
  bool next_file();
  /// The finished lines of `raw_`, as they are shown.
  std::string take();
  void wait(std::chrono::milliseconds timeout);

  std::string path_;
  int rotated_;
  LogOptions options_;
  std::function<bool()> running_;
  std::atomic<bool> canceled_ = false;
  bool begun_ = false, done_ = false, mid_line_ = false;
  Fd file_, notify_;
  std::string raw_;
  int64_t skip_lines_ = 0;
  int64_t left_bytes_ = -1;
};

}  // namespace serin::node
