#pragma once

/// A backup over HTTP: GET /backup, for members of system:masters, answers with every object of every cluster as of
/// one revision, as lines:
///
///   {"serinBackup":1,"revision":R,"objects":N}
///   ["CLUSTER","RESOURCE","NAMESPACE","NAME",REVISION]<tab>STORED JSON      (N times)
///   end
///
/// A body without its last line is not whole.

#include <string>
#include <string_view>

#include "apiserver/store/backup.h"
#include "net/http_server.h"

namespace serin::apiserver {

inline constexpr std::string_view kBackupPath = "/backup";

/// To be called on the I/O thread that the request came on.
void send_backup(Snapshot snapshot, std::unique_ptr<net::Responder> responder);

/// Reads such a body, in pieces of any size, into a writer.
class BackupReader {
 public:
  explicit BackupReader(BackupWriter& writer) : writer_(writer) {}
  /// kInvalid for what is no backup, and the writer's errors.
  Result<void> feed(std::string_view bytes);
  /// To be called at the end: kUnavailable where something is missing; else what was in it has been written.
  Result<void> finish();
  size_t objects() const { return objects_; }
  Revision revision() const { return revision_; }

 private:
  Result<void> take(std::string_view line);

  BackupWriter& writer_;
  std::string rest_;
  bool begun_ = false, ended_ = false;
  size_t objects_ = 0, announced_ = 0;
  Revision revision_ = 0;
};

}  // namespace serin::apiserver
