#include "net/tls/transport.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <cerrno>
#include <climits>
#include <cstring>

#include "base/strings.h"

namespace serin::net {
namespace {

// A socket BIO of our own, because OpenSSL's raises SIGPIPE on a closed socket. The file descriptor
// is kept in the BIO's data pointer.
int fd_of(BIO* bio) { return static_cast<int>(reinterpret_cast<intptr_t>(BIO_get_data(bio))); }

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

int bio_write(BIO* bio, const char* from, int size) {
  BIO_clear_retry_flags(bio);
  ssize_t n = ::send(fd_of(bio), from, static_cast<size_t>(size), MSG_NOSIGNAL);
  if (n < 0 && would_block()) BIO_set_retry_write(bio);
  return static_cast<int>(n);
}

int bio_read(BIO* bio, char* to, int size) {
  BIO_clear_retry_flags(bio);
  ssize_t n = ::recv(fd_of(bio), to, static_cast<size_t>(size), 0);
  if (n < 0 && would_block()) BIO_set_retry_read(bio);
  if (n == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  return static_cast<int>(n);
}

long bio_control(BIO* bio, int command, long, void*) {
  switch (command) {
    case BIO_CTRL_FLUSH: return 1;
    case BIO_CTRL_EOF: return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
    default: return 0;
  }
}

BIO* new_socket_bio(int fd) {
  static BIO_METHOD* const kMethod = [] {
    BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
    BIO_meth_set_write(method, bio_write);
    BIO_meth_set_read(method, bio_read);
    BIO_meth_set_ctrl(method, bio_control);
    return method;
  }();
  BIO* bio = BIO_new(kMethod);
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<intptr_t>(fd)));
  BIO_set_init(bio, 1);
  return bio;
}

bool is_address(const std::string& name) {
  unsigned char bytes[sizeof(in6_addr)];
  return inet_pton(AF_INET, name.c_str(), bytes) == 1 ||
         inet_pton(AF_INET6, name.c_str(), bytes) == 1;
}

/// Alerts by which a peer refuses a certificate.
bool is_certificate_alert(int code) {
  switch (code) {
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED: return true;
    default: return false;
  }
}

}  // namespace

void Transport::FreeSsl::operator()(SSL* ssl) const { SSL_free(ssl); }

Transport::Transport(int fd) : fd_(fd) {}
Transport::Transport(const TlsContext& context, int fd) : fd_(fd), ssl_(SSL_new(context.get())) {
  BIO* bio = new_socket_bio(fd);
  SSL_set_bio(ssl_.get(), bio, bio);
}
Transport::Transport(Transport&&) noexcept = default;
Transport& Transport::operator=(Transport&&) noexcept = default;
Transport::~Transport() = default;

Transport Transport::accept(const TlsContext& context, int fd) {
  Transport transport(context, fd);
  SSL_set_accept_state(transport.ssl_.get());
  return transport;
}

Transport Transport::connect(const TlsContext& context, int fd, const std::string& name) {
  Transport transport(context, fd);
  SSL* ssl = transport.ssl_.get();
  SSL_set_connect_state(ssl);
  if (is_address(name)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name.c_str());
  } else {
    SSL_set_tlsext_host_name(ssl, name.c_str());
    SSL_set1_host(ssl, name.c_str());
  }
  return transport;
}

Transport::Outcome Transport::outcome_of(int result) {
  int saved_errno = errno;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ: return {State::kWantRead};
    case SSL_ERROR_WANT_WRITE: return {State::kWantWrite};
    case SSL_ERROR_ZERO_RETURN: return {State::kClosed};
    case SSL_ERROR_SYSCALL:
      ERR_clear_error();
      if (saved_errno == 0 || saved_errno == ECONNRESET || saved_errno == EPIPE)
        return {State::kClosed};
      error_ = std::strerror(saved_errno);
      return {State::kFailed};
    default: break;
  }
  unsigned long code = ERR_peek_last_error();
  int reason = ERR_GET_LIB(code) == ERR_LIB_SSL ? ERR_GET_REASON(code) : 0;
  plain_http_ = reason == SSL_R_HTTP_REQUEST;
  if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
    certificate_refused_ = true;
    error_ = concat("the peer's certificate is not trusted: ",
                    X509_verify_cert_error_string(SSL_get_verify_result(ssl_.get())));
    ERR_clear_error();
  } else if (is_certificate_alert(reason)) {
    certificate_refused_ = true;
    error_ = "the peer refused the certificate: " + tls_error();
  } else {
    error_ = tls_error();
  }
  return {State::kFailed};
}

Transport::State Transport::handshake() {
  if (!ssl_) return State::kDone;
  ERR_clear_error();
  errno = 0;
  int result = SSL_do_handshake(ssl_.get());
  return result == 1 ? State::kDone : outcome_of(result).state;
}

Transport::Outcome Transport::read(char* to, size_t size) {
  if (ssl_) {
    ERR_clear_error();
    errno = 0;
    size_t n = 0;
    int result = SSL_read_ex(ssl_.get(), to, size, &n);
    return result == 1 ? Outcome{State::kDone, n} : outcome_of(result);
  }
  ssize_t n = ::recv(fd_, to, size, 0);
  if (n > 0) return {State::kDone, static_cast<size_t>(n)};
  if (n == 0 || errno == ECONNRESET) return {State::kClosed};
  if (would_block()) return {State::kWantRead};
  error_ = std::strerror(errno);
  return {State::kFailed};
}

Transport::Outcome Transport::write(const char* from, size_t size) {
  if (ssl_) {
    ERR_clear_error();
    errno = 0;
    size_t n = 0;
    int result = SSL_write_ex(ssl_.get(), from, size, &n);
    return result == 1 ? Outcome{State::kDone, n} : outcome_of(result);
  }
  ssize_t n = ::send(fd_, from, size, MSG_NOSIGNAL);
  if (n > 0) return {State::kDone, static_cast<size_t>(n)};
  if (n < 0 && would_block()) return {State::kWantWrite};
  if (errno == EPIPE || errno == ECONNRESET) return {State::kClosed};
  error_ = std::strerror(errno);
  return {State::kFailed};
}

bool Transport::buffered() const { return ssl_ && SSL_has_pending(ssl_.get()); }

void Transport::end_output() {
  if (ssl_ && SSL_is_init_finished(ssl_.get())) {
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
  }
  ::shutdown(fd_, SHUT_WR);
}

void Transport::describe(Peer& peer) const {
  if (ssl_) read_subject(ssl_.get(), peer);
}

}  // namespace serin::net
