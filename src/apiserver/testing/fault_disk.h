#pragma once

/// A disk in memory below SQLite that fails when told to. While one exists, it is what `open_sqlite_store` writes to,
/// whatever the path says; directories are those of the real file system.
///
/// It knows what a real disk may lose: a write is safe only once its file has been synced, a new file likewise, and a
/// deletion is undone at worst. A power cut keeps any part of the rest, in sectors of 512 bytes, chosen by the seed.
/// Safe from any thread; one at a time.

#include <sqlite3.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

namespace serin::apiserver {

class FaultDisk {
 public:
  enum class Fault {
    kPowerCut,    ///< this and every later operation fails, and what was not safe may be lost
    kTornWrite,   ///< a power cut in the middle of this write
    kNoSpace,     ///< this write fails with "disk full"
    kWriteError,  ///< this write fails with an I/O error and changes nothing
    kShortWrite,  ///< this write fails after a part of it
    kSyncError,   ///< this sync fails, and what it was to make safe may be lost
    kReadError,   ///< this read fails
  };

  FaultDisk();
  ~FaultDisk();
  FaultDisk(const FaultDisk&) = delete;

  /// The `number`th operation from now (0: the next one) that can have this fault has it.
  void arm(Fault fault, uint64_t number, uint32_t seed);
  /// Whether that has happened.
  bool struck() const;
  /// How many operations that can have this fault there have been.
  uint64_t operations(Fault fault) const;
  /// The process ended and starts again; after a power cut, or with `power_lost`, the machine too. Nothing is open.
  void restart(bool power_lost);

 private:
  struct Write {
    int64_t offset;
    std::string bytes;
    bool truncate;  ///< to `offset`, without bytes
  };
  struct File {
    std::string now;      ///< what a reader gets
    std::string durable;  ///< what a power cut cannot take
    std::vector<Write> pending;
    bool created_durably = false;
    bool syncs_directory = false;  ///< its next sync does that too, as SQLite does for a new log
  };
  using FilePtr = std::shared_ptr<File>;
  struct Open;  ///< a file handle of SQLite's

  static int open(sqlite3_vfs*, const char*, sqlite3_file*, int, int*);
  static int remove(sqlite3_vfs*, const char*, int);
  static int access(sqlite3_vfs*, const char*, int, int*);
  static int full_path(sqlite3_vfs*, const char*, int, char*);
  static int close(sqlite3_file*);
  static int read(sqlite3_file*, void*, int, sqlite3_int64);
  static int write(sqlite3_file*, const void*, int, sqlite3_int64);
  static int truncate(sqlite3_file*, sqlite3_int64);
  static int sync(sqlite3_file*, int);
  static int size(sqlite3_file*, sqlite3_int64*);

  /// Counts one operation; true where the armed fault is due.
  bool due(Fault);
  static void put(std::string& text, const Write& write);
  void lose(File&);

  mutable std::mutex mutex_;
  std::map<std::string, FilePtr> files_;                    // guarded by mutex_, as all below
  std::map<std::string, FilePtr> deleted_;                  // by a deletion that is not yet durable
  std::map<Fault, uint64_t> counted_;
  Fault armed_ = Fault::kPowerCut;
  uint64_t due_at_ = UINT64_MAX;
  bool struck_ = false, off_ = false;
  std::mt19937 random_;

  sqlite3_vfs vfs_{};
  sqlite3_io_methods methods_{};
  sqlite3_vfs* real_;
};

}  // namespace serin::apiserver
