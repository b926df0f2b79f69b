#pragma once

/// Backups: every object of every cluster as of one revision, as one database file of the store's own format.
///
/// They are taken from what the store has in memory, so taking one neither holds up writers nor needs the store's
/// disk: a store that has turned read-only can still be backed up to another. Blocking; one thread each.

#include <memory>
#include <string>
#include <vector>

#include "apiserver/store/store.h"

namespace serin::apiserver {

/// One state of a store. Holds its objects by reference, so that it costs little and stays as it is.
struct Snapshot {
  Revision revision = 0;
  std::vector<std::pair<Collection, std::vector<EntryPtr>>> collections;
  size_t objects() const;
};
/// kExpired where the store changes faster than its history reaches back.
Result<Snapshot> take_snapshot(const Store& store);

/// Writes one backup file: whole or not at all, mode 0600, on the disk when `finish` returns. What is there already is
/// replaced then. kForbidden and kUnavailable with what to do.
class BackupWriter {
 public:
  static Result<std::unique_ptr<BackupWriter>> create(const std::string& file);
  virtual ~BackupWriter() = default;  ///< without `finish`: leaves nothing behind
  virtual Result<void> add(const Collection&, const NamespacedName&, Revision, std::string_view bytes) = 0;
  virtual Result<void> finish(Revision revision) = 0;
};

Result<void> write_backup(const Snapshot& snapshot, const std::string& file);

struct Restored {
  size_t objects = 0;
  Revision taken_at = 0;      ///< the revision of the backup
  Revision continues_at = 0;  ///< the next write gets a higher one
  std::string replaced;       ///< where the earlier database is now; empty where there was none
};
/// How far revisions jump: whoever has read a state that the backup does not know is told 410, not something else
/// under a revision they have seen.
inline constexpr Revision kRestoreJump = 1'000'000'000;
/// Puts the backup into a store's directory that no process has open (kConflict). The database that is there is moved
/// aside, whatever its state. The backup is checked before anything is touched: kInvalid for what is no sound backup.
Result<Restored> restore_backup(const std::string& file, const std::string& directory);

}  // namespace serin::apiserver
