#include "connection.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace serin::bench {
namespace {

constexpr size_t kRead = 64 << 10;
constexpr std::chrono::seconds kAskLimit{120};

template <class T, class Read, class Free, class Use>
void each_pem(const std::string& pem, Read read, Free free, Use use) {
  BIO* bio = BIO_new_mem_buf(pem.data(), int(pem.size()));
  while (T* found = read(bio, nullptr, nullptr, nullptr)) {
    use(found);
    free(found);
  }
  ERR_clear_error();
  BIO_free(bio);
}

}  // namespace

void die(const std::string& why) {
  std::fprintf(stderr, "apiserver_bench: %s\n", why.c_str());
  std::exit(1);
}

TlsClient::TlsClient(const Endpoint& endpoint) : context_(SSL_CTX_new(TLS_client_method())) {
  each_pem<X509>(endpoint.ca_pem, PEM_read_bio_X509, X509_free,
                 [&](X509* ca) { X509_STORE_add_cert(SSL_CTX_get_cert_store(context_), ca); });
  each_pem<X509>(endpoint.certificate_pem, PEM_read_bio_X509, X509_free,
                 [&](X509* leaf) { SSL_CTX_use_certificate(context_, leaf); });
  each_pem<EVP_PKEY>(endpoint.key_pem, PEM_read_bio_PrivateKey, EVP_PKEY_free,
                     [&](EVP_PKEY* key) { SSL_CTX_use_PrivateKey(context_, key); });
  SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(context_, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context_, 1);
  SSL_CTX_set_default_read_buffer_len(context_, kRead);
}

TlsClient::~TlsClient() { SSL_CTX_free(context_); }

SSL* TlsClient::connect(int fd, bool http2) const {
  static constexpr unsigned char kHttp2[] = "\x02h2";
  SSL* ssl = SSL_new(context_);
  SSL_set_fd(ssl, fd);
  if (http2) SSL_set_alpn_protos(ssl, kHttp2, sizeof kHttp2 - 1);
  if (SSL_connect(ssl) != 1) die("the TLS handshake failed");
  return ssl;
}

std::string request_text(const Endpoint& endpoint, std::string_view method, std::string_view path, std::string_view body,
                         std::string_view content_type) {
  std::string text(method);
  text += ' ';
  text += endpoint.base;
  text += path;
  text += " HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench/1\r\nAccept: application/json\r\n";
  if (!body.empty()) {
    text += "Content-Type: ";
    text += content_type;
    text += "\r\nContent-Length: ";
    text += std::to_string(body.size());
    text += "\r\n";
  }
  text += "\r\n";
  text += body;
  return text;
}

int connect_to(const Endpoint& endpoint) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(endpoint.port);
  inet_pton(AF_INET, endpoint.host.c_str(), &to.sin_addr);
  if (fd < 0 || ::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
    die(std::string("cannot connect: ") + std::strerror(errno));
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

Connection::Connection(const TlsClient& tls, const Endpoint& endpoint) : fd_(connect_to(endpoint)), ssl_(tls.connect(fd_)) {
  fcntl(fd_, F_SETFL, fcntl(fd_, F_GETFL) | O_NONBLOCK);
}

Connection::~Connection() {
  SSL_free(ssl_);
  close(fd_);
}

void Connection::send(const std::string& request, std::function<void(const Answer&)> done, bool keep_body) {
  done_ = std::move(done);
  keep_body_ = keep_body;
  // Requests are small and the server reads: the socket's buffer always has room.
  if (SSL_write(ssl_, request.data(), int(request.size())) != int(request.size())) die("a request could not be sent");
}

void Connection::stream(const std::string& request, std::function<void(std::string_view)> line) {
  line_ = std::move(line);
  if (SSL_write(ssl_, request.data(), int(request.size())) != int(request.size())) die("a request could not be sent");
}

void Connection::readable() {
  static thread_local std::string buffer(kRead, '\0');
  for (;;) {
    int got = SSL_read(ssl_, buffer.data(), int(buffer.size()));
    if (got <= 0) {
      int why = SSL_get_error(ssl_, got);
      if (why == SSL_ERROR_WANT_READ) return;
      die("the server closed a connection");
    }
    input_.append(buffer.data(), size_t(got));
    consume();
  }
}

void Connection::consume() {
  for (;;) {
    if (!in_body_ && !take_head()) return;
    if (chunked_) {
      if (!take_chunks()) return;
    } else {
      size_t take = std::min(left_, input_.size() - at_);
      this->take(take);
      at_ += take;
      left_ -= take;
      if (left_ != 0) {
        input_.clear();
        at_ = 0;
        return;
      }
    }
    input_.erase(0, at_);
    at_ = 0;
    in_body_ = false;
    auto done = std::exchange(done_, nullptr);
    Answer answer = std::exchange(answer_, {});
    if (done) done(answer);
    if (input_.empty()) return;
  }
}

/// The next bytes of input belong to the body.
void Connection::take(size_t size) {
  answer_.bytes += size;
  if (keep_body_) answer_.body.append(input_, at_, size);
}

bool Connection::take_head() {
  size_t end = input_.find("\r\n\r\n");
  if (end == std::string::npos) return false;
  std::string_view head(input_.data(), end);
  answer_.first_byte = SteadyClock::now();
  answer_.status = std::atoi(std::string(head.substr(9, 3)).c_str());
  chunked_ = head.find("ransfer-Encoding: chunked") != std::string_view::npos ||
             head.find("ransfer-encoding: chunked") != std::string_view::npos;
  left_ = 0;
  for (std::string_view name : {"\r\nContent-Length: ", "\r\ncontent-length: "})
    if (size_t at = head.find(name); at != std::string_view::npos)
      left_ = size_t(std::atoll(std::string(head.substr(at + name.size(), 20)).c_str()));
  if (line_ && answer_.status != 200) die("a watch was refused");
  streaming_ = line_ != nullptr;
  at_ = end + 4;
  in_body_ = true;
  return true;
}

/// True at the end of the body.
bool Connection::take_chunks() {
  for (;;) {
    if (left_ == 0) {
      size_t end = input_.find("\r\n", at_);
      if (end == std::string::npos) break;
      std::from_chars(input_.data() + at_, input_.data() + end, left_, 16);
      at_ = end + 2;
      if (left_ == 0) {
        at_ += 2;
        return true;
      }
      left_ += 2;  // the line end behind the chunk
    }
    size_t take = std::min(left_, input_.size() - at_);
    if (take == 0) break;
    size_t payload = left_ > 2 ? std::min(take, left_ - 2) : 0;
    if (line_) lines_.append(input_, at_, payload);
    else this->take(payload);
    at_ += take;
    left_ -= take;
    if (line_) {
      size_t from = 0;
      for (size_t end; (end = lines_.find('\n', from)) != std::string::npos; from = end + 1)
        line_(std::string_view(lines_).substr(from, end - from));
      lines_.erase(0, from);
    }
  }
  input_.erase(0, at_);
  at_ = 0;
  return false;
}

Poller::Poller() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {}
Poller::~Poller() { close(epoll_); }

void Poller::add(Polled& polled) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = &polled;
  epoll_ctl(epoll_, EPOLL_CTL_ADD, polled.fd(), &event);
}

bool Poller::run(const std::function<bool()>& until, SteadyClock::time_point deadline) {
  epoll_event events[256];
  while (!until()) {
    if (SteadyClock::now() >= deadline) return false;
    int count = epoll_wait(epoll_, events, 256, 1);
    for (int i = 0; i < count; ++i) static_cast<Polled*>(events[i].data.ptr)->readable();
  }
  return true;
}

Answer ask(const TlsClient& tls, const Endpoint& endpoint, std::string_view method, std::string_view path,
           std::string_view body, std::string_view content_type) {
  Connection connection(tls, endpoint);
  Poller poller;
  poller.add(connection);
  Answer got;
  bool done = false;
  connection.send(request_text(endpoint, method, path, body, content_type), [&](const Answer& answer) {
    got = answer;
    done = true;
  });
  if (!poller.run([&] { return done; }, SteadyClock::now() + kAskLimit)) die("no answer in time");
  return got;
}

}  // namespace serin::bench
