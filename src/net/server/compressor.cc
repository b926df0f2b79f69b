#include "net/server/compressor.h"

#include <zlib.h>

#include <algorithm>
#include <optional>

#include "base/strings.h"

namespace serin::net {
namespace {

constexpr int kLevel = 1;
constexpr int kGzip = 15 + 16;  // the largest window, with gzip's frame
constexpr int kMemory = 8;
constexpr size_t kInputStep = size_t{1} << 30;  // zlib counts in 32 bits

/// One element of Accept-Encoding: its coding in lower case, and whether its quality is above 0.
struct Coding {
  std::string name;
  bool wanted;
};

Coding read_coding(std::string_view element) {
  auto parts = split(element, ';');
  Coding coding{lower(trim(parts[0])), true};
  for (size_t i = 1; i < parts.size(); ++i) {
    std::string parameter = lower(trim(parts[i]));
    if (!parameter.starts_with("q=")) continue;
    // Above 0 means that some digit is: "0", "0.0", "0.000" are not.
    coding.wanted = parameter.find_first_of("123456789", 2) != std::string::npos;
  }
  return coding;
}

class Deflater {
 public:
  explicit Deflater(size_t input_size) {
    ready_ = deflateInit2(&stream_, kLevel, Z_DEFLATED, kGzip, kMemory, Z_DEFAULT_STRATEGY) == Z_OK;
    out_.resize(std::max<size_t>(input_size / 8, 64 << 10));
  }
  ~Deflater() { deflateEnd(&stream_); }
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  bool feed(std::string_view bytes, bool last) {
    do {
      std::string_view step = bytes.substr(0, kInputStep);
      bytes.remove_prefix(step.size());
      if (!deflate_all(step, last && bytes.empty() ? Z_FINISH : Z_NO_FLUSH)) return false;
    } while (!bytes.empty());
    return true;
  }

  std::string take() {
    out_.resize(done_);
    out_.shrink_to_fit();
    return std::move(out_);
  }

 private:
  bool deflate_all(std::string_view step, int flush) {
    if (!ready_) return false;
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(step.data()));
    stream_.avail_in = static_cast<uInt>(step.size());
    for (;;) {
      if (done_ == out_.size()) out_.resize(out_.size() * 2);
      stream_.next_out = reinterpret_cast<Bytef*>(out_.data() + done_);
      uInt room = static_cast<uInt>(std::min(out_.size() - done_, kInputStep));
      stream_.avail_out = room;
      int result = deflate(&stream_, flush);
      done_ += room - stream_.avail_out;
      if (result == Z_STREAM_END) return true;
      if (result != Z_OK && result != Z_BUF_ERROR) return false;
      if (flush == Z_NO_FLUSH && stream_.avail_in == 0 && stream_.avail_out > 0) return true;
    }
  }

  z_stream stream_{};
  bool ready_ = false;
  std::string out_;
  size_t done_ = 0;
};

size_t body_size(const Response& response) {
  return response.body.size() + (response.shared_body ? response.shared_body->size() : 0);
}

}  // namespace

bool accepts_gzip(const Headers& headers) {
  std::optional<bool> named, any;
  for (const auto& [field, value] : headers.all()) {
    if (lower(field) != "accept-encoding") continue;
    for (std::string_view element : split(value, ',')) {
      Coding coding = read_coding(element);
      if (coding.name == "gzip" || coding.name == "x-gzip") named = coding.wanted;
      if (coding.name == "*") any = coding.wanted;
    }
  }
  return named.value_or(any.value_or(false));
}

bool worth_compressing(const Response& response) {
  return body_size(response) > kCompressAbove && !response.headers.has("Content-Encoding");
}

Response compressed(Response response) {
  size_t before = body_size(response);
  Deflater deflater(before);
  std::string_view tail = response.shared_body ? std::string_view(*response.shared_body) : std::string_view();
  if (!deflater.feed(response.body, false) || !deflater.feed(tail, true)) return response;
  std::string packed = deflater.take();
  if (packed.size() >= before) return response;
  response.body = std::move(packed);
  response.shared_body = nullptr;
  response.headers.set("Content-Encoding", "gzip");
  return response;
}

void Compressor::stop() {
  std::vector<std::thread> threads;
  std::deque<Job> dropped;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    threads.swap(threads_);
    dropped.swap(jobs_);
  }
  wake_.notify_all();
  for (std::thread& thread : threads) thread.join();
}

void Compressor::compress(Response response, Done done) {
  {
    std::lock_guard lock(mutex_);
    if (!stopping_ && jobs_.size() < kMaxWaiting) {
      jobs_.push_back({std::move(response), std::move(done)});
      if (idle_ < jobs_.size() && threads_.size() < kThreads) threads_.emplace_back([this] { run(); });
      wake_.notify_one();
      return;
    }
  }
  done(std::move(response));
}

void Compressor::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    --idle_;
    if (stopping_) return;
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job.done(compressed(std::move(job.response)));
    job = {};
    lock.lock();
  }
}

}  // namespace serin::net
