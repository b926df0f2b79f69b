#pragma once

/// Requests to one API server with its URL's prefix, credentials, and retries. Private to `client`.

#include <memory>
#include <mutex>
#include <string>

#include "client/rest_client.h"
#include "net/url.h"

namespace serin::client {

class RestSession {
 public:
  static Result<std::shared_ptr<RestSession>> create(const KubeContext& context,
                                                     const RestOptions& options, Clock& clock);

  struct Call {
    std::string method;
    std::string path;  ///< below the server's URL
    std::string query;
    std::string body;
    std::string_view content_type = "application/json";
    std::string_view accept = "application/json";
  };
  /// The answer whatever its status, after retries.
  Result<net::Response> send(const Call& call);
  /// The answer's body; an error for a status >= 400.
  Result<std::string> fetch(const Call& call);
  Result<net::StreamingResponse> stream(const Call& call);

  Clock& clock() { return clock_; }
  const RestOptions& options() const { return options_; }

 private:
  RestSession(const KubeContext& context, const RestOptions& options, Clock& clock, net::Url url,
              std::unique_ptr<net::HttpClient> http);
  Result<net::Request> request_for(const Call& call);
  Result<std::string> authorization();
  /// How long to wait before the next try; nullopt: the answer stands.
  std::optional<std::chrono::seconds> pause(int status, const net::Headers& headers,
                                            int tries) const;

  const RestOptions options_;
  Clock& clock_;
  const net::Url url_;
  const std::unique_ptr<net::HttpClient> http_;
  const std::string token_file_;

  std::mutex mutex_;
  std::string authorization_;  // guarded by mutex_
  TimePoint read_at_{};        // guarded by mutex_
};

}  // namespace serin::client
