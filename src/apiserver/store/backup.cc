#include "apiserver/store/backup.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>

#include "apiserver/store/sqlite_file.h"
#include "base/strings.h"

namespace serin::apiserver {
namespace {

namespace fs = std::filesystem;
using sqlite::File;
using sqlite::Statement;

Error cannot(std::string_view what, const std::string& path, int number) {
  return {number == ENOSPC || number == EIO ? Code::kUnavailable : Code::kForbidden,
          concat("cannot ", what, ' ', path, ": ", std::strerror(number))};
}

Result<void> sync(const std::string& path, int flags) {
  int fd = ::open(path.c_str(), flags | O_CLOEXEC);
  if (fd < 0) return fail(cannot("open", path, errno));
  int failed = fsync(fd) == 0 ? 0 : errno;
  close(fd);
  if (failed) return fail(cannot("write", path, failed));
  return {};
}

Result<void> sync_directory_of(const std::string& path) {
  std::string directory = fs::path(path).parent_path();
  return sync(directory.empty() ? "." : directory, O_RDONLY | O_DIRECTORY);
}

Result<void> rename_file(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) return fail(cannot("rename", from, errno));
  return {};
}

class FileWriter final : public BackupWriter {
 public:
  FileWriter(std::string path, std::string temporary, File file, Statement put)
      : path_(std::move(path)), temporary_(std::move(temporary)), file_(std::move(file)), put_(std::move(put)) {}

  ~FileWriter() override {
    put_.reset();
    file_.reset();
    std::error_code none;
    if (!finished_) fs::remove(temporary_, none);
  }

  Result<void> add(const Collection& collection, const NamespacedName& name, Revision revision, std::string_view bytes) override {
    sqlite::bind_row(put_.get(), collection, name, revision, bytes);
    return file_->step(put_.get());
  }

  Result<void> finish(Revision revision) override {
    SERIN_TRY(file_->run(concat("UPDATE meta SET value=", revision, " WHERE name='revision'")));
    SERIN_TRY(file_->run("COMMIT"));
    put_.reset();
    file_.reset();
    SERIN_TRY(sync(temporary_, O_RDWR));
    SERIN_TRY(rename_file(temporary_, path_));
    finished_ = true;
    return sync_directory_of(path_);
  }

 private:
  std::string path_, temporary_;
  std::optional<File> file_;
  Statement put_;
  bool finished_ = false;
};

}  // namespace

size_t Snapshot::objects() const {
  size_t count = 0;
  for (const auto& [collection, entries] : collections) count += entries.size();
  return count;
}

Result<Snapshot> take_snapshot(const Store& store) {
  Snapshot snapshot;
  snapshot.revision = store.revision();
  for (const std::string& cluster : store.clusters())
    for (const Collection& collection : store.collections(cluster)) {
      ListQuery query;
      query.at = snapshot.revision;
      Listing listing = SERIN_TRY(store.list(collection, query));
      snapshot.collections.emplace_back(collection, std::move(listing.entries));
    }
  return snapshot;
}

Result<std::unique_ptr<BackupWriter>> BackupWriter::create(const std::string& path) {
  std::string temporary = path + ".partial";
  std::error_code none;
  fs::remove(temporary, none);
  File file = SERIN_TRY(File::open(temporary));
  // Made durable as a whole at the end; until then nobody reads it.
  SERIN_TRY(file.value("PRAGMA journal_mode=OFF"));
  SERIN_TRY(file.run("PRAGMA synchronous=OFF; BEGIN IMMEDIATE"));
  SERIN_TRY(file.make_tables());
  Statement put = SERIN_TRY(file.prepare(sqlite::kPut));
  return std::make_unique<FileWriter>(path, std::move(temporary), std::move(file), std::move(put));
}

Result<void> write_backup(const Snapshot& snapshot, const std::string& path) {
  std::unique_ptr<BackupWriter> writer = SERIN_TRY(BackupWriter::create(path));
  for (const auto& [collection, entries] : snapshot.collections)
    for (const EntryPtr& entry : entries) SERIN_TRY(writer->add(collection, entry->name, entry->revision, entry->bytes));
  return writer->finish(snapshot.revision);
}

Result<Restored> restore_backup(const std::string& path, const std::string& directory) {
  Restored restored;
  File backup = SERIN_TRY(File::open_to_read(path));
  SERIN_TRY(backup.check());
  if (SERIN_TRY(backup.value("SELECT count(*) FROM sqlite_master")) == "0") return fail(backup.damaged("it is empty"));

  std::error_code wrong;
  fs::create_directories(directory, wrong);
  if (wrong) return fail(Code::kForbidden, concat("cannot make ", directory, ": ", wrong.message()));
  std::string database = directory + "/serin.db", next = directory + "/serin.db.restored", log = database + "-wal";
  Revision before = 0;
  if (fs::exists(database)) {
    // Opening it finds out whether a process has it, and brings in what a killed one has left in its log.
    Result<File> old = File::open(database);
    Result<void> sound = old ? old->run("BEGIN IMMEDIATE; COMMIT") : Result<void>(fail(old.error()));
    if (failed_with(sound, Code::kConflict)) return fail(sound.error());
    if (sound) {
      old->trust(true);
      if (auto revision = old->value("SELECT value FROM meta WHERE name='revision'"))
        before = parse_int<Revision>(*revision).value_or(0);
    }
  }

  {
    std::unique_ptr<BackupWriter> writer = SERIN_TRY(BackupWriter::create(next));
    restored.taken_at = SERIN_TRY(backup.read([&](sqlite::Row row) -> Result<void> {
      if (auto doc = json::parse(row.bytes); !doc)
        return fail(backup.damaged(concat("object ", row.name.str(), ": ", doc.error().message)));
      ++restored.objects;
      return writer->add(row.collection, row.name, row.revision, row.bytes);
    }));
    restored.continues_at = std::max(restored.taken_at, before) + kRestoreJump;
    SERIN_TRY(writer->finish(restored.continues_at));
  }

  if (fs::exists(database)) {
    restored.replaced = concat(database, ".before-", restored.continues_at);
    // A log belongs to its database: left beside another one it would be taken for that one's.
    if (fs::exists(log)) SERIN_TRY(rename_file(log, restored.replaced + "-wal"));
    if (link(database.c_str(), restored.replaced.c_str()) != 0) return fail(cannot("keep", database, errno));
  }
  SERIN_TRY(rename_file(next, database));
  SERIN_TRY(sync_directory_of(database));
  return restored;
}

}  // namespace serin::apiserver
