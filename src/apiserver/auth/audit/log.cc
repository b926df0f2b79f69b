#include "apiserver/auth/audit/log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/log.h"
#include "base/strings.h"
#include "base/time.h"
#include "data/json.h"

namespace serin::apiserver::audit {
namespace {

int open_file(const std::string& path) {
  if (path == "-") return ::dup(STDOUT_FILENO);
  int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  struct stat info {};
  if (fd >= 0 && ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode)) ::fchmod(fd, 0600);
  return fd;
}

size_t size_of(int fd) {
  struct stat info {};
  return ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode) ? static_cast<size_t>(info.st_size) : 0;
}

}  // namespace

Result<std::unique_ptr<Log>> Log::open(LogOptions options, const Clock& clock) {
  int fd = open_file(options.path);
  if (fd < 0) return fail(Code::kForbidden, concat("audit log ", options.path, ": ", std::strerror(errno)));
  size_t size = size_of(fd);
  return std::unique_ptr<Log>(new Log(std::move(options), clock, fd, size));
}

Log::Log(LogOptions options, const Clock& clock, int fd, size_t size)
    : options_(std::move(options)), clock_(clock), fd_(fd), size_(size), writer_([this] { run(); }) {}

Log::~Log() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  writer_.join();
  if (fd_ >= 0) ::close(fd_);
}

void Log::write(std::string line) {
  {
    std::lock_guard lock(mutex_);
    if (queued_bytes_ + line.size() > options_.max_queue_bytes) {
      ++dropped_;
      ++overflow_;
      return;
    }
    queued_bytes_ += line.size();
    queue_.push_back(std::move(line));
  }
  wake_.notify_one();
}

void Log::flush() {
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [&] { return queue_.empty() && !busy_; });
}

uint64_t Log::dropped() const {
  std::lock_guard lock(mutex_);
  return dropped_;
}

void Log::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    std::vector<std::string> lines;
    lines.swap(queue_);
    queued_bytes_ = 0;
    gap_ += std::exchange(overflow_, 0);
    busy_ = true;
    lock.unlock();
    write_lines(std::move(lines));
    lock.lock();
    busy_ = false;
    idle_.notify_all();
  }
}

void Log::write_lines(std::vector<std::string> lines) {
  uint64_t failed = 0;
  for (std::string& line : lines) {
    if (gap_ > 0) {
      std::string gap = json::dump(json::object{{"kind", "Gap"}, {"apiVersion", "serin.io/v1alpha1"}, {"dropped", gap_},
                                                {"timestamp", format_micro_time(clock_.now())}});
      if (write_text(gap + '\n')) gap_ = 0;
    }
    line += '\n';
    if (gap_ == 0 && write_text(line)) continue;
    ++failed;
    ++gap_;
  }
  if (failed == 0) return;
  std::lock_guard lock(mutex_);
  dropped_ += failed;
  log::error("apiserver", "audit events were dropped: the audit log cannot be written",
             {{"path", options_.path}, {"error", std::strerror(errno)}, {"dropped", std::to_string(dropped_)}});
}

bool Log::write_text(const std::string& text) {
  if (options_.path != "-" && size_ > 0 && size_ + text.size() > options_.max_file_bytes && !rotate()) return false;
  if (fd_ < 0 && !reopen()) return false;
  size_t done = 0;
  while (done < text.size()) {
    ssize_t written = ::write(fd_, text.data() + done, text.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      int why = errno;
      // No half line stays behind.
      if (done > 0 && ::ftruncate(fd_, static_cast<off_t>(size_)) != 0) size_ += done;
      errno = why;
      return false;
    }
    done += static_cast<size_t>(written);
  }
  size_ += text.size();
  return true;
}

bool Log::rotate() {
  for (int i = options_.old_files; i > 0; --i) {
    std::string from = i == 1 ? options_.path : concat(options_.path, '.', i - 1);
    std::string to = concat(options_.path, '.', i);
    if (::rename(from.c_str(), to.c_str()) != 0 && errno != ENOENT) return false;
  }
  if (options_.old_files == 0) ::unlink(options_.path.c_str());
  ::close(fd_);
  fd_ = -1;
  return reopen();
}

bool Log::reopen() {
  fd_ = open_file(options_.path);
  size_ = fd_ < 0 ? 0 : size_of(fd_);
  return fd_ >= 0;
}

}  // namespace serin::apiserver::audit
