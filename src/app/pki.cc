#include "app/pki.h"

#include <sys/stat.h>

#include "app/files.h"
#include "base/strings.h"

namespace serin::app {
namespace {

constexpr auto kLeafLifetime = std::chrono::days(365);

/// The file of a private key is for its owner alone.
Result<void> check_private(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return {};  // reading it will say why
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) == 0) return {};
  return fail(Code::kForbidden, concat("others than its owner may read or change the private key ", path,
                                       ": run `chmod 600 ", path, "`, or remove it and its .crt to have new ones made"));
}

Result<net::KeyPair> load_pair(const std::string& base) {
  net::KeyPair pair;
  SERIN_TRY(check_private(base + ".key"));
  pair.certificate_pem = SERIN_TRY(read_file(base + ".crt"));
  pair.key_pem = SERIN_TRY(read_file(base + ".key"));
  return pair;
}

Result<void> save_pair(const std::string& base, const net::KeyPair& pair) {
  SERIN_TRY(write_private_file(base + ".key", pair.key_pem));
  return write_private_file(base + ".crt", pair.certificate_pem);
}

bool usable(const net::KeyPair& leaf, const net::KeyPair& ca, const net::CertificateRequest& request, TimePoint now) {
  Result<net::Validity> validity = net::validity(leaf.certificate_pem);
  return validity && !wants_renewal(*validity, now) && net::check_leaf(leaf, ca.certificate_pem) &&
         net::check_names(leaf.certificate_pem, request.dns_names, request.ip_addresses);
}

Result<net::KeyPair> load_or_issue(const std::string& base, const net::KeyPair& ca,
                                   const net::CertificateRequest& request, TimePoint now) {
  Result<net::KeyPair> kept = load_pair(base);
  if (failed_with(kept, Code::kForbidden)) return kept;
  if (kept && usable(*kept, ca, request, now)) return kept;
  net::KeyPair made = SERIN_TRY(net::issue(ca, request, now));
  SERIN_TRY(save_pair(base, made));
  return made;
}

}  // namespace

bool wants_renewal(const net::Validity& validity, TimePoint now) {
  return validity.until - now < (validity.until - validity.from) / 3;
}

Result<Pki> load_or_make_pki(const std::string& directory, TimePoint now, const ServerNames& names) {
  SERIN_TRY(make_private_directory(directory));
  chmod(directory.c_str(), S_IRWXU);
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
  server.dns_names.insert(server.dns_names.end(), names.dns.begin(), names.dns.end());
  server.ip_addresses.insert(server.ip_addresses.end(), names.addresses.begin(), names.addresses.end());
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
