#pragma once

// The consumer's way to the provider: one gRPC channel, kept for the life of the process.
//
// say_hello() may be called from any thread and never blocks; its callback runs once, on a gRPC
// thread. The client must outlive its calls.

#include <functional>
#include <memory>
#include <string>
#include <variant>

#include "program.h"

namespace serin::hello {

struct Greeting {
  std::string message;
  Identity provider;
  std::string lane;
};

struct CallFailure {
  int code = 0;  ///< gRPC status code
  std::string reason;
};

class ProviderClient {
 public:
  using Answer = std::function<void(std::variant<Greeting, CallFailure>)>;

  /// `url` is host:port with or without a scheme such as tri:// or grpc://. Connects when first
  /// used.
  explicit ProviderClient(const std::string& url);
  ~ProviderClient();

  /// Calls the provider; a `lane` that is not empty travels as gRPC metadata.
  void say_hello(const std::string& name, const std::string& lane, Answer answer);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace serin::hello
