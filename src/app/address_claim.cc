#include "app/address_claim.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>

#include "base/strings.h"

namespace serin::app {

Result<AddressClaim> AddressClaim::take(int number) {
  std::string range = concat("127.", 10 + number, ".0.0/16");
  // An abstract socket: no file to leave behind, gone with the process, one name per network namespace.
  std::string name = concat("serin ", range);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail(Code::kInternal, concat("socket: ", std::strerror(errno)));
  auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), length) == 0) return AddressClaim(fd);
  int error = errno;
  close(fd);
  if (error == EADDRINUSE)
    return fail(Code::kConflict,
                concat("another serin on this machine uses the addresses ", range, ": stop it first"));
  return fail(Code::kInternal, concat("cannot claim ", range, ": ", std::strerror(error)));
}

AddressClaim::~AddressClaim() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace serin::app
