#pragma once

/// Keeps the certificates of a running system young: looks at them now and then, and hands on those that were made anew.

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "app/pki.h"

namespace serin::app {

class CertificateRenewal {
 public:
  /// Each is called with what was made, on the renewal's thread; an error is logged and tried again at the next look.
  struct Users {
    std::function<Result<void>(const net::KeyPair&)> server, admin;
  };

  /// `used` is what the users have now. `clock` outlives the renewal.
  CertificateRenewal(std::string directory, Pki used, ServerNames names, Users users, Clock& clock);
  ~CertificateRenewal();  ///< stops and joins

  /// Looks at once, then each `interval`, on a thread of its own. Once.
  void start(Duration interval = std::chrono::hours(1));
  /// One look. Not at the same time as another.
  Result<void> look();

 private:
  const std::string directory_;
  Pki used_;
  const ServerNames names_;
  const Users users_;
  Clock& clock_;

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace serin::app
