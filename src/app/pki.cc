#include "app/pki.h"

#include "app/files.h"
#include "base/strings.h"

namespace serin::app {
namespace {

constexpr auto kLeafLifetime = std::chrono::days(365);

Result<net::KeyPair> load_pair(const std::string& base) {
  net::KeyPair pair;
  pair.certificate_pem = SERIN_TRY(read_file(base + ".crt"));
  pair.key_pem = SERIN_TRY(read_file(base + ".key"));
  return pair;
}

Result<void> save_pair(const std::string& base, const net::KeyPair& pair) {
  SERIN_TRY(write_private_file(base + ".key", pair.key_pem));
  return write_private_file(base + ".crt", pair.certificate_pem);
}

Result<net::KeyPair> load_or_issue(const std::string& base, const net::KeyPair& ca,
                                   const net::CertificateRequest& request, TimePoint now) {
  if (Result<net::KeyPair> kept = load_pair(base)) {
    Result<TimePoint> end = net::expiry(kept->certificate_pem);
    if (end && *end - now > kLeafLifetime / 3) return kept;
  }
  net::KeyPair made = SERIN_TRY(net::issue(ca, request, now));
  SERIN_TRY(save_pair(base, made));
  return made;
}

}  // namespace

Result<Pki> load_or_make_pki(const std::string& directory, TimePoint now) {
  SERIN_TRY(make_private_directory(directory));
  Result<net::KeyPair> ca = load_pair(directory + "/ca");
  if (failed_with(ca, Code::kNotFound)) {
    ca = net::make_ca("serin-ca", now);
    if (ca) SERIN_TRY(save_pair(directory + "/ca", *ca));
  }
  if (!ca) return fail(std::move(ca).error());

  net::CertificateRequest server;
  server.common_name = "serin-apiserver";
  server.dns_names = {"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
                      "kubernetes.default.svc.cluster.local"};
  server.ip_addresses = {"127.0.0.1", "::1"};
  server.server = true;
  server.valid_for = kLeafLifetime;
  net::CertificateRequest admin;
  admin.common_name = "serin-admin";
  admin.organizations = {"system:masters"};
  admin.client = true;
  admin.valid_for = kLeafLifetime;

  Pki out;
  out.ca_pem = ca->certificate_pem;
  out.server = SERIN_TRY(load_or_issue(directory + "/server", *ca, server, now));
  out.admin = SERIN_TRY(load_or_issue(directory + "/admin", *ca, admin, now));
  return out;
}

}  // namespace serin::app
