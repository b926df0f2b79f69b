#pragma once

/// A container's log in the form of the Container Runtime Interface, one line each:
///
///   2026-11-23T05:40:00.123456Z stdout F the text
///
/// F ends a line of the program, P is a piece of one longer than kMaxLine. The file is rotated to PATH.1 ... by
/// size. One thread. A full disk loses lines, never the program.

#include <string>
#include <string_view>

#include "base/clock.h"
#include "node/shim/fd.h"

namespace serin::node {

class LogWriter {
 public:
  static constexpr size_t kMaxLine = 16 << 10;

  LogWriter(std::string path, int64_t max_bytes, int files, const Clock& clock);

  /// What the program wrote to `stream` ("stdout", "stderr"). Unfinished lines wait for their end.
  void write(std::string_view stream, std::string_view bytes);
  /// Writes out unfinished lines.
  void flush();

 private:
  void line(std::string_view stream, char tag, std::string_view text);
  void rotate();
  void open();

  std::string path_;
  int64_t max_bytes_;
  int files_;
  const Clock& clock_;
  Fd file_;
  int64_t size_ = 0;
  std::string pending_out_, pending_err_;
};

}  // namespace serin::node
