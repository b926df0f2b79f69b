#include <filesystem>
#include <iostream>

#include "apiserver/http/backup_stream.h"
#include "apiserver/store/backup.h"
#include "app/commands/commands.h"
#include "app/files.h"
#include "app/session.h"
#include "base/strings.h"
#include "client/kubeconfig.h"
#include "net/http_client.h"
#include "net/url.h"

namespace serin::app {
namespace {

constexpr Duration kPatience = std::chrono::seconds(60);  ///< of a server that sends nothing

struct Taken {
  size_t objects = 0;
  apiserver::Revision revision = 0;
};

std::string store_of(const std::string& state) { return state + "/store"; }

/// From the state directory itself, which nobody uses.
Result<Taken> take_from_disk(const std::string& state, const std::string& file, Clock& clock) {
  if (!std::filesystem::exists(store_of(state) + "/serin.db"))
    return fail(Code::kNotFound, concat("there is nothing to back up in ", state));
  auto store = SERIN_TRY(apiserver::open_sqlite_store(store_of(state), clock));
  apiserver::Snapshot snapshot = SERIN_TRY(apiserver::take_snapshot(*store));
  SERIN_TRY(apiserver::write_backup(snapshot, file));
  return Taken{snapshot.objects(), snapshot.revision};
}

/// From the `serin up` that runs on it.
Result<Taken> take_from_server(const std::string& state, const std::string& file) {
  client::Kubeconfig config = SERIN_TRY(client::Kubeconfig::load({state + "/kubeconfig"}));
  client::KubeContext context = SERIN_TRY(config.context("hub"));
  net::Url url = SERIN_TRY(net::parse_url(context.server));
  net::ClientOptions options;
  options.host = url.host;
  options.port = url.port;
  options.ca_pem = context.ca_pem;
  options.certificate_pem = context.certificate_pem;
  options.key_pem = context.key_pem;
  auto http = SERIN_TRY(net::HttpClient::create(std::move(options)));
  net::Request request;
  request.method = "GET";
  request.path = apiserver::kBackupPath;
  net::StreamingResponse answer = SERIN_TRY(http->stream(request, kPatience));
  if (answer.head.status != 200)
    return fail(Code::kUnavailable, concat("the server answered ", answer.head.status, ": ", answer.head.body));
  auto writer = SERIN_TRY(apiserver::BackupWriter::create(file));
  apiserver::BackupReader reader(*writer);
  for (;;) {
    Result<std::optional<std::string>> piece = answer.body->read(kPatience);
    if (failed_with(piece, Code::kGone)) break;
    if (!piece) return fail(piece.error());
    if (!*piece) return fail(Code::kTimeout, "the server stopped sending");
    SERIN_TRY(reader.feed(**piece));
  }
  SERIN_TRY(reader.finish());
  return Taken{reader.objects(), reader.revision()};
}

Result<Taken> take(const std::string& state, const std::string& file, Clock& clock) {
  if (!std::filesystem::is_directory(state)) return fail(Code::kNotFound, concat("there is no state directory ", state));
  Result<DirectoryLock> lock = DirectoryLock::take(state);
  if (failed_with(lock, Code::kConflict)) return take_from_server(state, file);
  if (!lock) return fail(std::move(lock).error());
  return take_from_disk(state, file, clock);
}

Result<apiserver::Restored> put_back(const std::string& state, const std::string& file) {
  SERIN_TRY(make_private_directory(state));
  DirectoryLock lock = SERIN_TRY(DirectoryLock::take(state));
  SERIN_TRY(make_private_directory(store_of(state)));
  return apiserver::restore_backup(file, store_of(state));
}

}  // namespace

int backup(const BackupFlags& flags) {
  SystemClock clock;
  std::string state = state_directory(flags.state);
  std::string file = std::filesystem::absolute(flags.file).lexically_normal();
  Result<Taken> taken = take(state, file, clock);
  if (!taken) return report(taken.error());
  std::cout << "wrote " << taken->objects << " objects as of revision " << taken->revision << " to " << file << '\n';
  return kExitYes;
}

int restore(const BackupFlags& flags) {
  std::string state = state_directory(flags.state);
  Result<apiserver::Restored> restored = put_back(state, flags.file);
  if (!restored) return report(restored.error());
  std::cout << "restored " << restored->objects << " objects as of revision " << restored->taken_at << " into " << state
            << "; revisions go on after " << restored->continues_at << '\n';
  if (!restored->replaced.empty()) std::cout << "the database that was there is now " << restored->replaced << '\n';
  return kExitYes;
}

}  // namespace serin::app
