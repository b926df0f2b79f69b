#include "node/shim/log_writer.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdio>

#include "base/strings.h"
#include "base/time.h"

namespace serin::node {

LogWriter::LogWriter(std::string path, int64_t max_bytes, int files, const Clock& clock)
    : path_(std::move(path)), max_bytes_(max_bytes), files_(files), clock_(clock) {
  open();
}

void LogWriter::open() {
  file_ = Fd(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  struct stat info{};
  size_ = file_ && ::fstat(file_.get(), &info) == 0 ? info.st_size : 0;
}

void LogWriter::rotate() {
  for (int i = files_ - 1; i >= 1; --i) {
    std::string from = i == 1 ? path_ : concat(path_, ".", i - 1);
    ::rename(from.c_str(), concat(path_, ".", i).c_str());
  }
  if (files_ <= 1) ::unlink(path_.c_str());
  open();
}

void LogWriter::line(std::string_view stream, char tag, std::string_view text) {
  std::string out = concat(format_micro_time(clock_.now()), " ", stream, " ", tag, " ", text, "\n");
  if (size_ > 0 && size_ + static_cast<int64_t>(out.size()) > max_bytes_) rotate();
  ssize_t n = ::write(file_.get(), out.data(), out.size());
  if (n > 0) size_ += n;
}

void LogWriter::write(std::string_view stream, std::string_view bytes) {
  std::string& pending = stream == "stdout" ? pending_out_ : pending_err_;
  while (!bytes.empty()) {
    size_t end = bytes.find('\n');
    bool whole = end != std::string_view::npos;
    std::string_view piece = bytes.substr(0, whole ? end : bytes.size());
    bytes.remove_prefix(piece.size() + (whole ? 1 : 0));
    pending += piece;
    std::string_view rest = pending;
    for (; rest.size() > kMaxLine; rest.remove_prefix(kMaxLine)) line(stream, 'P', rest.substr(0, kMaxLine));
    if (whole) {
      line(stream, 'F', rest);
      pending.clear();
    } else {
      pending.erase(0, pending.size() - rest.size());
    }
  }
}

void LogWriter::flush() {
  if (!pending_out_.empty()) line("stdout", 'F', pending_out_);
  if (!pending_err_.empty()) line("stderr", 'F', pending_err_);
  pending_out_.clear();
  pending_err_.clear();
}

}  // namespace serin::node
