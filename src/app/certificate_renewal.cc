#include "app/certificate_renewal.h"

#include "base/log.h"

namespace serin::app {

CertificateRenewal::CertificateRenewal(std::string directory, Pki used, ServerNames names, Users users, Clock& clock)
    : directory_(std::move(directory)), used_(std::move(used)), names_(std::move(names)), users_(std::move(users)), clock_(clock) {}

CertificateRenewal::~CertificateRenewal() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void CertificateRenewal::start(Duration interval) {
  thread_ = std::thread([this, interval] {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      lock.unlock();
      if (Result<void> looked = look(); !looked)
        log::warning("pki", "a certificate could not be renewed", {{"error", looked.error().message}});
      lock.lock();
      clock_.wait_until(lock, wake_, clock_.now() + interval, [this] { return stopping_; });
    }
  });
}

Result<void> CertificateRenewal::look() {
  Pki now = SERIN_TRY(load_or_make_pki(directory_, clock_.now(), names_));
  if (now.server.certificate_pem != used_.server.certificate_pem) {
    SERIN_TRY(users_.server(now.server));
    used_.server = now.server;
    log::info("pki", "the API server has a new certificate", {});
  }
  if (now.admin.certificate_pem != used_.admin.certificate_pem) {
    SERIN_TRY(users_.admin(now.admin));
    used_.admin = now.admin;
    log::info("pki", "the administrator has a new certificate", {});
  }
  return {};
}

}  // namespace serin::app
