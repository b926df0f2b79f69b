#pragma once

/// Hands out the pod addresses of one node. A freed address comes back only after all others have had their
/// turn, also across restarts: the last one given is remembered in a file. Safe from any thread.

#include <cstdint>
#include <mutex>
#include <set>
#include <string>

#include "base/error.h"

namespace serin::node {

class AddressPool {
 public:
  /// `cidr` such as "127.10.0.0/17"; its first host address is the node's own. `memory` is the file's path.
  static Result<AddressPool> open(std::string_view cidr, std::string memory);
  AddressPool(AddressPool&& other) noexcept;

  /// The node's address.
  std::string node_address() const;
  /// kUnavailable where all are in use.
  Result<std::string> take();
  /// Marks an address as in use: a pod found running. False where it is foreign or taken.
  bool claim(const std::string& address);
  void release(const std::string& address);

 private:
  AddressPool(uint32_t first, uint32_t last, std::string memory);

  uint32_t first_, last_;  // pods, host byte order
  std::string memory_;
  std::mutex mutex_;
  uint32_t given_;           // guarded by mutex_; the last one
  std::set<uint32_t> used_;  // guarded by mutex_
};

}  // namespace serin::node
