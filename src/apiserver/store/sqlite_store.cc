#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "apiserver/store/mvcc_store.h"
#include "base/strings.h"

namespace serin::apiserver {
namespace {

constexpr int kApplicationId = 0x5345524e;  // "SERN": marks the file as ours
constexpr int kFormat = 1;

struct CloseDatabase {
  void operator()(sqlite3* db) const { sqlite3_close(db); }
};
struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Database = std::unique_ptr<sqlite3, CloseDatabase>;
using Statement = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

/// One SQLite file, with the sentences that tell a person what is wrong with it.
class File {
 public:
  File(std::string path, Database db) : path_(std::move(path)), db_(std::move(db)) {}

  const std::string& path() const { return path_; }

  Error error() const {
    int code = sqlite3_errcode(db_.get());
    if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT) return damaged(sqlite3_errmsg(db_.get()));
    if (code == SQLITE_BUSY)
      return {Code::kConflict,
              concat(path_, " is in use by another process; stop it, or choose another state directory")};
    if (code == SQLITE_READONLY || code == SQLITE_CANTOPEN || code == SQLITE_PERM)
      return {Code::kForbidden, concat("cannot write ", path_, ": ", sqlite3_errmsg(db_.get()))};
    return {Code::kUnavailable, concat(path_, ": ", sqlite3_errmsg(db_.get()))};
  }

  Error damaged(std::string_view how) const {
    return {Code::kInvalid,
            concat(path_, " is damaged or not a Serin database (", how,
                   "); it is left as it is: restore it from a backup, or move it away to start empty")};
  }

  Result<void> run(const char* sql) {
    if (sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) return fail(error());
    return {};
  }

  Result<Statement> prepare(const char* sql) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(db_.get(), sql, -1, &statement, nullptr) != SQLITE_OK) return fail(error());
    return Statement(statement);
  }

  /// The first column of the first row.
  Result<std::string> value(const char* sql) {
    Statement statement = SERIN_TRY(prepare(sql));
    int step = sqlite3_step(statement.get());
    if (step == SQLITE_DONE) return std::string();
    if (step != SQLITE_ROW) return fail(error());
    auto text = reinterpret_cast<const char*>(sqlite3_column_text(statement.get(), 0));
    return std::string(text ? text : "");
  }

 private:
  std::string path_;
  Database db_;
};

void bind_text(sqlite3_stmt* statement, int column, std::string_view text) {
  sqlite3_bind_text(statement, column, text.data(), int(text.size()), SQLITE_STATIC);
}

class SqliteJournal final : public Journal {
 public:
  SqliteJournal(File file, Statement put, Statement erase, Statement revision)
      : file_(std::move(file)),
        put_(std::move(put)),
        erase_(std::move(erase)),
        revision_(std::move(revision)) {}

  Result<void> append(const std::vector<Record>& records, Revision last) override {
    SERIN_TRY(file_.run("BEGIN IMMEDIATE"));
    if (auto written = write(records, last); !written) {
      (void)file_.run("ROLLBACK");
      return written;
    }
    return file_.run("COMMIT");
  }

 private:
  Result<void> write(const std::vector<Record>& records, Revision last) {
    for (const Record& record : records) {
      sqlite3_stmt* statement = record.deleted ? erase_.get() : put_.get();
      bind_text(statement, 1, record.collection.cluster);
      bind_text(statement, 2, record.collection.group_resource);
      bind_text(statement, 3, record.entry->name.ns);
      bind_text(statement, 4, record.entry->name.name);
      if (!record.deleted) {
        sqlite3_bind_int64(statement, 5, int64_t(record.entry->revision));
        bind_text(statement, 6, record.entry->bytes);
      }
      SERIN_TRY(step(statement));
    }
    sqlite3_bind_int64(revision_.get(), 1, int64_t(last));
    return step(revision_.get());
  }

  Result<void> step(sqlite3_stmt* statement) {
    int done = sqlite3_step(statement);
    if (done != SQLITE_DONE) {
      Error error = file_.error();
      sqlite3_reset(statement);
      return fail(std::move(error));
    }
    sqlite3_reset(statement);
    return {};
  }

  File file_;
  Statement put_, erase_, revision_;
};

Result<File> open_file(const std::string& directory) {
  std::error_code made;
  std::filesystem::create_directories(directory, made);
  if (made)
    return fail(Code::kForbidden, concat("cannot make the state directory ", directory, ": ", made.message()));
  if (access(directory.c_str(), W_OK | X_OK) != 0)
    return fail(Code::kForbidden, concat("cannot write to the state directory ", directory, ": ",
                                         std::strerror(errno), "; choose another or change its owner"));
  std::string path = directory + "/serin.db";
  mode_t old = umask(0077);
  sqlite3* db = nullptr;
  int opened = sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
  umask(old);
  File file(path, Database(db));
  if (opened != SQLITE_OK) return fail(file.error());
  sqlite3_busy_timeout(db, 0);
  return file;
}

/// Refuses what is not ours, without writing to it.
Result<void> check_format(File& file) {
  std::string id = SERIN_TRY(file.value("PRAGMA application_id"));
  std::string format = SERIN_TRY(file.value("PRAGMA user_version"));
  std::string tables = SERIN_TRY(file.value("SELECT count(*) FROM sqlite_master"));
  if (tables == "0" && id == "0" && format == "0") return {};
  if (id != std::to_string(kApplicationId)) return fail(file.damaged("it belongs to another program"));
  if (parse_int<int>(format).value_or(0) > kFormat)
    return fail(Code::kInvalid, concat(file.path(), " was written by a newer Serin (format ", format,
                                       "); start that version, or choose another state directory"));
  std::string check = SERIN_TRY(file.value("PRAGMA quick_check(1)"));
  if (check != "ok") return fail(file.damaged(check));
  return {};
}

/// Makes the tables of a new file; nothing in one that has them.
Result<void> make_tables(File& file) {
  std::string tables = SERIN_TRY(file.value("SELECT count(*) FROM sqlite_master"));
  if (tables == "0") {
    SERIN_TRY(file.run(
        "CREATE TABLE objects(cluster TEXT NOT NULL, resource TEXT NOT NULL, ns TEXT NOT NULL,"
        " name TEXT NOT NULL, revision INTEGER NOT NULL, value BLOB NOT NULL,"
        " UNIQUE(cluster, resource, ns, name));"
        "CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL);"
        "INSERT INTO meta VALUES('revision', 0);"));
    SERIN_TRY(file.run(concat("PRAGMA application_id=", kApplicationId).c_str()));
    SERIN_TRY(file.run(concat("PRAGMA user_version=", kFormat).c_str()));
  }
  return {};
}

Result<void> load(File& file, Mvcc& state) {
  Statement rows = SERIN_TRY(
      file.prepare("SELECT cluster, resource, ns, name, revision, value FROM objects"));
  auto text = [&](int column) {
    auto bytes = static_cast<const char*>(sqlite3_column_blob(rows.get(), column));
    return std::string(bytes ? bytes : "", size_t(sqlite3_column_bytes(rows.get(), column)));
  };
  int step;
  while ((step = sqlite3_step(rows.get())) == SQLITE_ROW) {
    auto entry = std::make_shared<Entry>();
    entry->name = {text(2), text(3)};
    entry->revision = Revision(sqlite3_column_int64(rows.get(), 4));
    entry->bytes = text(5);
    auto doc = json::parse(entry->bytes);
    if (!doc) return fail(file.damaged(concat("object ", entry->name.str(), ": ", doc.error().message)));
    if (const json::value* labels = json::find(*doc, "metadata", "labels")) entry->labels = *labels;
    state.load({text(0), text(1)}, std::move(entry));
  }
  if (step != SQLITE_DONE) return fail(file.error());
  std::string revision = SERIN_TRY(file.value("SELECT value FROM meta WHERE name='revision'"));
  auto number = parse_int<Revision>(revision);
  if (!number) return fail(file.damaged("its revision is missing"));
  state.finish_load(*number);
  return {};
}

}  // namespace

Result<std::unique_ptr<Store>> open_sqlite_store(const std::string& directory, const Clock& clock,
                                                 HistoryBounds bounds) {
  File file = SERIN_TRY(open_file(directory));
  // Exclusive: one process owns the file, and needs no shared-memory file beside it.
  SERIN_TRY(file.run("PRAGMA locking_mode=EXCLUSIVE"));
  SERIN_TRY(check_format(file));
  SERIN_TRY(file.value("PRAGMA journal_mode=WAL"));
  SERIN_TRY(file.run("PRAGMA synchronous=FULL"));
  SERIN_TRY(file.run("BEGIN IMMEDIATE"));
  if (auto made = make_tables(file); !made) {
    (void)file.run("ROLLBACK");
    return fail(made.error());
  }
  SERIN_TRY(file.run("COMMIT"));
  Mvcc state(bounds);
  SERIN_TRY(load(file, state));
  Statement put = SERIN_TRY(file.prepare(
      "INSERT INTO objects(cluster, resource, ns, name, revision, value) VALUES(?,?,?,?,?,?)"
      " ON CONFLICT(cluster, resource, ns, name) DO UPDATE SET revision=excluded.revision,"
      " value=excluded.value"));
  Statement erase = SERIN_TRY(
      file.prepare("DELETE FROM objects WHERE cluster=? AND resource=? AND ns=? AND name=?"));
  Statement revision = SERIN_TRY(file.prepare("UPDATE meta SET value=? WHERE name='revision'"));
  auto journal = std::make_unique<SqliteJournal>(std::move(file), std::move(put), std::move(erase),
                                                 std::move(revision));
  return std::make_unique<MvccStore>(clock, std::move(state), std::move(journal));
}

}  // namespace serin::apiserver
