#pragma once

/// Randomness is injected like time: a simulation gives a seed, production gives none.

#include <cstdint>
#include <mutex>
#include <random>
#include <string>

namespace serin {

/// Safe from any thread. Not for secrets.
class Random {
 public:
  /// Seeded from the operating system.
  Random();
  /// The same seed gives the same sequence.
  explicit Random(uint64_t seed);

  uint64_t next();
  /// A version 4 UUID, as Kubernetes uses for metadata.uid.
  std::string uuid();
  /// `length` characters of the 27 that Kubernetes uses for generated names.
  std::string suffix(size_t length);

 private:
  std::mutex mutex_;
  std::mt19937_64 engine_;  // guarded by mutex_
};

}  // namespace serin
