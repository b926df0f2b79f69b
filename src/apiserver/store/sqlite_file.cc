#include "apiserver/store/sqlite_file.h"

#include <sqlite3.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "base/strings.h"

namespace serin::apiserver::sqlite {
namespace {

constexpr int kApplicationId = 0x5345524e;  // "SERN": marks the file as ours
constexpr int kFormat = 1;

}  // namespace

void CloseDatabase::operator()(sqlite3* db) const { sqlite3_close(db); }
void FinalizeStatement::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

Result<File> File::open(const std::string& path, int flags) {
  mode_t old = umask(0077);
  sqlite3* db = nullptr;
  int opened = sqlite3_open_v2(path.c_str(), &db, flags, nullptr);
  umask(old);
  File file(path, Database(db));
  if (opened != SQLITE_OK) return fail(file.error());
  sqlite3_busy_timeout(db, 0);
  return file;
}

Result<File> File::open(const std::string& path) {
  File file = SERIN_TRY(open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE));
  file.trust(false);
  // Exclusive: one process owns the file, and needs no shared-memory file beside it.
  SERIN_TRY(file.run("PRAGMA locking_mode=EXCLUSIVE"));
  return file;
}

Result<File> File::open_to_read(const std::string& path) {
  struct stat found{};
  if (stat(path.c_str(), &found) != 0)
    return fail(errno == ENOENT ? Code::kNotFound : Code::kForbidden, concat("cannot read ", path, ": ", std::strerror(errno)));
  return open(path, SQLITE_OPEN_READONLY);
}

void File::trust(bool sound) { sqlite3_db_config(db_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, sound ? 0 : 1, nullptr); }

std::string File::reason() const {
  int number = sqlite3_system_errno(db_.get());
  return number == 0 ? "" : concat(" (", std::strerror(number), ')');
}

Error File::error() const {
  int code = sqlite3_errcode(db_.get()) & 0xff;
  if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT) return damaged(sqlite3_errmsg(db_.get()));
  if (code == SQLITE_BUSY)
    return {Code::kConflict,
            concat(path_, " is in use by another process; stop it, or choose another state directory")};
  if (code == SQLITE_READONLY || code == SQLITE_CANTOPEN || code == SQLITE_PERM)
    return {Code::kForbidden, concat("cannot write ", path_, ": ", sqlite3_errmsg(db_.get()), reason(),
                                     "; make it writable for this user, or choose another state directory")};
  if (code == SQLITE_FULL)
    return {Code::kUnavailable, concat("no space left for ", path_, "; make room and start again")};
  return {Code::kUnavailable, concat("cannot use ", path_, ": ", sqlite3_errmsg(db_.get()), reason(),
                                     "; everything acknowledged so far is in it: check the disk and start again")};
}

Error File::damaged(std::string_view how) const {
  return {Code::kInvalid,
          concat(path_, " is damaged or not a Serin database (", how,
                 "); it is left as it is: restore it from a backup, or move it away to start empty")};
}

Result<void> File::run(const std::string& sql) {
  if (sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) return fail(error());
  return {};
}

Result<Statement> File::prepare(const char* sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(db_.get(), sql, -1, &statement, nullptr) != SQLITE_OK) return fail(error());
  return Statement(statement);
}

Result<std::string> File::value(const std::string& sql) {
  Statement statement = SERIN_TRY(prepare(sql.c_str()));
  int step = sqlite3_step(statement.get());
  if (step == SQLITE_DONE) return std::string();
  if (step != SQLITE_ROW) return fail(error());
  auto text = reinterpret_cast<const char*>(sqlite3_column_text(statement.get(), 0));
  return std::string(text ? text : "");
}

Result<void> File::step(sqlite3_stmt* statement) {
  int done = sqlite3_step(statement);
  if (done == SQLITE_DONE) {
    sqlite3_reset(statement);
    return {};
  }
  Error wrong = error();
  sqlite3_reset(statement);
  return fail(std::move(wrong));
}

Result<void> File::check() {
  std::string id = SERIN_TRY(value("PRAGMA application_id"));
  std::string format = SERIN_TRY(value("PRAGMA user_version"));
  std::string tables = SERIN_TRY(value("SELECT count(*) FROM sqlite_master"));
  if (tables == "0" && id == "0" && format == "0") return {};
  if (id != std::to_string(kApplicationId)) return fail(damaged("it belongs to another program"));
  if (parse_int<int>(format).value_or(0) > kFormat)
    return fail(Code::kInvalid, concat(path_, " was written by a newer Serin (format ", format, "; this one reads ", kFormat,
                                       "); start that version, or choose another state directory"));
  std::string found = SERIN_TRY(value("PRAGMA quick_check(1)"));
  if (found != "ok") return fail(damaged(found));
  return {};
}

Result<void> File::make_tables() {
  if (SERIN_TRY(value("SELECT count(*) FROM sqlite_master")) != "0") return {};
  SERIN_TRY(run(
      "CREATE TABLE objects(cluster TEXT NOT NULL, resource TEXT NOT NULL, ns TEXT NOT NULL,"
      " name TEXT NOT NULL, revision INTEGER NOT NULL, value BLOB NOT NULL,"
      " UNIQUE(cluster, resource, ns, name));"
      "CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL);"
      "INSERT INTO meta VALUES('revision', 0);"));
  SERIN_TRY(run(concat("PRAGMA application_id=", kApplicationId)));
  return run(concat("PRAGMA user_version=", kFormat));
}

Result<Revision> File::read(const std::function<Result<void>(Row)>& each) {
  Statement rows = SERIN_TRY(prepare("SELECT cluster, resource, ns, name, revision, value FROM objects"));
  auto text = [&](int column) {
    auto bytes = static_cast<const char*>(sqlite3_column_blob(rows.get(), column));
    return std::string(bytes ? bytes : "", size_t(sqlite3_column_bytes(rows.get(), column)));
  };
  int step;
  while ((step = sqlite3_step(rows.get())) == SQLITE_ROW)
    SERIN_TRY(each({{text(0), text(1)}, {text(2), text(3)}, Revision(sqlite3_column_int64(rows.get(), 4)), text(5)}));
  if (step != SQLITE_DONE) return fail(error());
  auto revision = parse_int<Revision>(SERIN_TRY(value("SELECT value FROM meta WHERE name='revision'")));
  if (!revision) return fail(damaged("its revision is missing"));
  return *revision;
}

void bind_text(sqlite3_stmt* statement, int column, std::string_view text) {
  sqlite3_bind_text(statement, column, text.data(), int(text.size()), SQLITE_STATIC);
}

void bind_row(sqlite3_stmt* insert, const Collection& collection, const NamespacedName& name, Revision revision,
              std::string_view bytes) {
  bind_text(insert, 1, collection.cluster);
  bind_text(insert, 2, collection.group_resource);
  bind_text(insert, 3, name.ns);
  bind_text(insert, 4, name.name);
  sqlite3_bind_int64(insert, 5, int64_t(revision));
  bind_text(insert, 6, bytes);
}

}  // namespace serin::apiserver::sqlite
