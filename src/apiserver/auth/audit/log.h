#pragma once

/// Lines on their way to the audit log. A thread of its own writes them, so that no request waits for the disk; the
/// queue is bounded, and a line that finds it full or that cannot be written is dropped and counted. A gap is told to
/// the program's log and, once writing works again, by a line of kind `Gap` in the audit log itself.
///
/// The file has mode 0600 and is rotated by size: `audit.log` becomes `audit.log.1`, and so on. Safe from any thread.

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace serin::apiserver::audit {

struct LogOptions {
  std::string path;                   ///< "-": standard output
  size_t max_file_bytes = 100 << 20;  ///< a file is rotated before it grows beyond
  int old_files = 9;                  ///< how many rotated files are kept
  size_t max_queue_bytes = 16 << 20;
};

class Log {
 public:
  /// kForbidden where the file cannot be made.
  static Result<std::unique_ptr<Log>> open(LogOptions options, const Clock& clock);
  /// Writes what is queued.
  ~Log();

  /// One line, without its end.
  void write(std::string line);
  /// Waits until all that was queued before has been written or dropped.
  void flush();
  uint64_t dropped() const;

 private:
  Log(LogOptions options, const Clock& clock, int fd, size_t size);
  void run();
  void write_lines(std::vector<std::string> lines);
  bool write_text(const std::string& text);
  bool rotate();
  bool reopen();

  const LogOptions options_;
  const Clock& clock_;
  int fd_;            // the writer's alone
  size_t size_;       // the writer's alone
  uint64_t gap_ = 0;  // the writer's alone: lines dropped since the last one written

  mutable std::mutex mutex_;
  std::condition_variable wake_, idle_;
  std::vector<std::string> queue_;  // guarded by mutex_
  size_t queued_bytes_ = 0;         // guarded by mutex_
  uint64_t overflow_ = 0;           // guarded by mutex_: dropped for a full queue, not yet told
  uint64_t dropped_ = 0;            // guarded by mutex_
  bool busy_ = false;               // guarded by mutex_
  bool stopping_ = false;           // guarded by mutex_
  std::thread writer_;
};

}  // namespace serin::apiserver::audit
