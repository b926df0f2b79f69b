#pragma once

/// gzip for large answers, on threads of its own, so that no I/O thread and no writer of the caller's waits for it.
/// Private to `net`. Any thread.

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "net/http.h"

namespace serin::net {

/// Kubernetes' threshold: below it, compressing costs more than it saves.
inline constexpr size_t kCompressAbove = 128 << 10;

/// Whether Accept-Encoding (RFC 9110 §12.5.3) allows gzip: named, or under "*", with a quality above 0.
bool accepts_gzip(const Headers& headers);

/// An answer with a body above the threshold that has no coding yet.
bool worth_compressing(const Response& response);

/// Level 1, the body in one piece; the response as it was where that would not be shorter.
Response compressed(Response response);

class Compressor {
 public:
  using Done = std::function<void(Response)>;

  ~Compressor() { stop(); }
  /// Drops what waits and joins the threads; `compress` compresses nothing from now on. Not on a compressor's thread.
  void stop();

  /// Calls `done` with the compressed answer on a thread of the compressor, or at once with the answer as it is where too
  /// many wait already.
  void compress(Response response, Done done);

 private:
  static constexpr size_t kThreads = 2;
  static constexpr size_t kMaxWaiting = 64;
  struct Job {
    Response response;
    Done done;
  };
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> jobs_;              // guarded by mutex_
  std::vector<std::thread> threads_;  // guarded by mutex_; started when first needed
  size_t idle_ = 0;                   // guarded by mutex_
  bool stopping_ = false;             // guarded by mutex_
};

}  // namespace serin::net
