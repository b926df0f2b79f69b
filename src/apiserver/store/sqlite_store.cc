// The durable engine: its journal is one SQLite file, in WAL mode, synchronised at each commit.

#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "apiserver/store/mvcc_store.h"
#include "apiserver/store/sqlite_file.h"
#include "base/strings.h"

namespace serin::apiserver {
namespace {

using sqlite::File;
using sqlite::Statement;

class SqliteJournal final : public Journal {
 public:
  struct Statements {
    Statement begin, put, erase, revision, commit;
  };
  SqliteJournal(File file, Statements statements, int log_pages)
      : file_(std::move(file)), statements_(std::move(statements)), log_pages_(log_pages) {
    // Folding the log into the file is done by `tidy`: left to SQLite, it would hold up an answer and hide errors.
    sqlite3_wal_hook(file_.db(), &SqliteJournal::logged, this);
  }

  Result<void> append(const std::vector<Record>& records, Revision last) override {
    return kept(transaction(records, last));
  }

  Result<void> tidy() override {
    if (pages_ < log_pages_) return {};
    pages_ = 0;
    if (sqlite3_wal_checkpoint_v2(file_.db(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr) == SQLITE_OK) return {};
    return kept(fail(file_.error()));
  }

 private:
  static int logged(void* self, sqlite3*, const char*, int pages) {
    static_cast<SqliteJournal*>(self)->pages_ = pages;
    return SQLITE_OK;
  }

  /// After an error nothing more is written, also not when the file is closed: the next start finds it as it is.
  Result<void> kept(Result<void> done) {
    if (!done) file_.trust(false);
    return done;
  }

  Result<void> transaction(const std::vector<Record>& records, Revision last) {
    SERIN_TRY(file_.step(statements_.begin.get()));
    if (auto written = write(records, last); !written) {
      (void)file_.run("ROLLBACK");
      return written;
    }
    return file_.step(statements_.commit.get());
  }

  Result<void> write(const std::vector<Record>& records, Revision last) {
    for (const Record& record : records) {
      const Entry& entry = *record.entry;
      sqlite3_stmt* statement = (record.deleted ? statements_.erase : statements_.put).get();
      if (record.deleted) {
        sqlite::bind_text(statement, 1, record.collection.cluster);
        sqlite::bind_text(statement, 2, record.collection.group_resource);
        sqlite::bind_text(statement, 3, entry.name.ns);
        sqlite::bind_text(statement, 4, entry.name.name);
      } else {
        sqlite::bind_row(statement, record.collection, entry.name, entry.revision, entry.bytes);
      }
      SERIN_TRY(file_.step(statement));
    }
    sqlite3_bind_int64(statements_.revision.get(), 1, int64_t(last));
    return file_.step(statements_.revision.get());
  }

  File file_;
  Statements statements_;  // finalized before the file is closed
  int log_pages_;
  int pages_ = 0;  ///< in the log, as of the last commit
};

Result<void> check_directory(const std::string& directory) {
  std::error_code made;
  std::filesystem::create_directories(directory, made);
  if (made)
    return fail(Code::kForbidden, concat("cannot make the state directory ", directory, ": ", made.message()));
  if (access(directory.c_str(), W_OK | X_OK) != 0)
    return fail(Code::kForbidden, concat("cannot write to the state directory ", directory, ": ",
                                         std::strerror(errno), "; choose another or change its owner"));
  return {};
}

Result<void> load(File& file, Mvcc& state) {
  Revision revision = SERIN_TRY(file.read([&](sqlite::Row row) -> Result<void> {
    auto entry = std::make_shared<Entry>();
    entry->name = std::move(row.name);
    entry->revision = row.revision;
    entry->bytes = std::move(row.bytes);
    auto doc = json::parse(entry->bytes);
    if (!doc) return fail(file.damaged(concat("object ", entry->name.str(), ": ", doc.error().message)));
    if (const json::value* labels = json::find(*doc, "metadata", "labels")) entry->labels = *labels;
    state.load(row.collection, std::move(entry));
    return {};
  }));
  state.finish_load(revision);
  return {};
}

}  // namespace

Result<std::unique_ptr<Store>> open_sqlite_store(const std::string& directory, const Clock& clock,
                                                 HistoryBounds bounds, int log_pages) {
  SERIN_TRY(check_directory(directory));
  File file = SERIN_TRY(File::open(directory + "/serin.db"));
  SERIN_TRY(file.check());
  // EXTRA is FULL, and safe for the rollback journal that a new file has until it is in WAL mode.
  SERIN_TRY(file.run("PRAGMA synchronous=EXTRA"));
  SERIN_TRY(file.value("PRAGMA journal_mode=WAL"));
  // Reads are served from memory; SQLite needs the pages on the way to the rows that change.
  SERIN_TRY(file.run("PRAGMA cache_size=-1024"));
  SERIN_TRY(file.run("BEGIN IMMEDIATE"));
  if (auto made = file.make_tables(); !made) {
    (void)file.run("ROLLBACK");
    return fail(made.error());
  }
  SERIN_TRY(file.run("COMMIT"));
  Mvcc state(bounds);
  SERIN_TRY(load(file, state));
  file.trust(true);
  SqliteJournal::Statements statements{
      SERIN_TRY(file.prepare("BEGIN IMMEDIATE")), SERIN_TRY(file.prepare(sqlite::kPut)),
      SERIN_TRY(file.prepare("DELETE FROM objects WHERE cluster=? AND resource=? AND ns=? AND name=?")),
      SERIN_TRY(file.prepare(sqlite::kSetRevision)), SERIN_TRY(file.prepare("COMMIT"))};
  auto journal = std::make_unique<SqliteJournal>(std::move(file), std::move(statements), log_pages);
  return std::make_unique<MvccStore>(clock, std::move(state), std::move(journal));
}

}  // namespace serin::apiserver
