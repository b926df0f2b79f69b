#pragma once

/// The database file of the durable store: how it is opened, what stands in it, and what is said to a person about one
/// that cannot be used. Private to `store`. One thread at a time.
///
/// Errors: kForbidden for what may not be written, kConflict where another process has it open, kInvalid for a file
/// that is damaged, foreign or newer, kUnavailable where the disk fails. A file that is refused is left as it is.

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "apiserver/store/store.h"

struct sqlite3;
struct sqlite3_stmt;

namespace serin::apiserver::sqlite {

struct CloseDatabase {
  void operator()(sqlite3*) const;
};
struct FinalizeStatement {
  void operator()(sqlite3_stmt*) const;
};
using Database = std::unique_ptr<sqlite3, CloseDatabase>;
using Statement = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

/// One object as it stands in the file.
struct Row {
  Collection collection;
  NamespacedName name;
  Revision revision = 0;
  std::string bytes;
};

class File {
 public:
  /// Opens or makes the file, mode 0600. It belongs to this process until it is closed. Closing leaves its log as it
  /// is until `trust` says that all is well.
  static Result<File> open(const std::string& path);
  /// An existing one, which is not written to.
  static Result<File> open_to_read(const std::string& path);

  const std::string& path() const { return path_; }
  sqlite3* db() const { return db_.get(); }

  /// Whether closing folds the log into the file.
  void trust(bool sound);

  /// What went wrong last.
  Error error() const;
  Error damaged(std::string_view how) const;

  Result<void> run(const std::string& sql);
  Result<Statement> prepare(const char* sql);
  /// The first column of the first row; empty where there is none.
  Result<std::string> value(const std::string& sql);
  /// Runs a prepared statement that returns no rows.
  Result<void> step(sqlite3_stmt* statement);

  /// Refuses what is not ours, without writing to it. An empty file passes.
  Result<void> check();
  /// Makes the tables of an empty file; nothing in one that has them.
  Result<void> make_tables();
  /// Every object, then the revision of the store.
  Result<Revision> read(const std::function<Result<void>(Row)>& each);

 private:
  File(std::string path, Database db) : path_(std::move(path)), db_(std::move(db)) {}
  static Result<File> open(const std::string& path, int flags);
  std::string reason() const;

  std::string path_;
  Database db_;
};

/// The text must outlive the next step.
void bind_text(sqlite3_stmt* statement, int column, std::string_view text);
void bind_row(sqlite3_stmt* insert, const Collection&, const NamespacedName&, Revision, std::string_view bytes);

/// Inserts or replaces a row, in the order of `bind_row`.
inline constexpr const char* kPut =
    "INSERT INTO objects(cluster, resource, ns, name, revision, value) VALUES(?,?,?,?,?,?)"
    " ON CONFLICT(cluster, resource, ns, name) DO UPDATE SET revision=excluded.revision, value=excluded.value";
inline constexpr const char* kSetRevision = "UPDATE meta SET value=? WHERE name='revision'";

}  // namespace serin::apiserver::sqlite
