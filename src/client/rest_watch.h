#pragma once

/// A watch over HTTP. Private to `client`.

#include <atomic>
#include <memory>
#include <mutex>

#include "client/rest_codec.h"
#include "client/rest_session.h"

namespace serin::client {

class RestWatch final : public Watch {
 public:
  static Result<std::unique_ptr<Watch>> open(std::shared_ptr<RestSession> session,
                                             const Resource& resource, const WatchOptions& options);

  Result<std::optional<WatchEvent>> next(TimePoint deadline) override;
  void cancel() override;

 private:
  RestWatch(std::shared_ptr<RestSession> session, Resource resource, WatchOptions options);
  Result<void> connect();
  /// After the server has ended the body properly.
  Result<void> reconnect();

  const std::shared_ptr<RestSession> session_;
  const Resource resource_;
  const WatchOptions options_;
  ResourceVersion seen_;  // the newest version delivered, or where the watch began
  WatchDecoder decoder_;
  TimePoint connected_at_{};
  bool heard_ = false;  // anything since then

  std::mutex mutex_;
  std::shared_ptr<net::BodyReader> body_;  // guarded by mutex_; replaced by the reader only
  bool cancelled_ = false;                 // guarded by mutex_
};

}  // namespace serin::client
