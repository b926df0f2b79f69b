#pragma once

/// The store over `Mvcc`, with or without a journal. Without one a commit happens in the caller's thread; with
/// one a committer thread takes whatever is waiting, writes it in one journal transaction and only then makes
/// it visible, wakes the watchers and answers (group commit without artificial delay). Where the next batch waits
/// already, a thread of its own answers meanwhile: making answers costs as much as writing does.

#include <condition_variable>
#include <mutex>
#include <shared_mutex>
#include <thread>

#include "apiserver/store/mvcc.h"

namespace serin::apiserver {

/// Durable storage of the latest state. Used by one thread at a time.
class Journal {
 public:
  struct Record {
    Collection collection;
    EntryPtr entry;
    bool deleted;
  };
  virtual ~Journal() = default;
  /// Durable when it returns. After an error the journal must not be used again.
  virtual Result<void> append(const std::vector<Record>& records, Revision last) = 0;
  /// Called after each append, when its writes have been answered: what may take longer. Errors as of `append`.
  virtual Result<void> tidy() = 0;
};

class MvccStore final : public Store {
 public:
  MvccStore(const Clock& clock, Mvcc state, std::unique_ptr<Journal> journal);
  ~MvccStore() override;

  EntryPtr get(const Collection&, const NamespacedName&) const override;
  Result<Listing> list(const Collection&, const ListQuery&) const override;
  std::vector<Collection> collections(const std::string& cluster) const override;
  std::vector<std::string> clusters() const override;
  Revision revision() const override;
  Result<void> health() const override;
  void commit(Transaction, OnCommitted done) override;
  Result<std::unique_ptr<Subscription>> watch(const Collection&, Revision from,
                                              std::function<void()> wake) override;

 private:
  friend class StoreSubscription;
  struct Waker;
  struct Pending {
    Transaction transaction;
    OnCommitted done;
    Result<Committed> answer;
  };
  class Overlay;

  Result<Committed> evaluate(const Transaction&, Overlay&, Revision& next) const;
  void commit_batch(std::vector<Pending>& batch);
  void fail_from_now_on(const Error&);
  void run();
  void answer(std::vector<Pending> batch);
  void run_answers();
  void wake(const std::vector<Journal::Record>&);

  const Clock& clock_;
  std::unique_ptr<Journal> journal_;  // used under commit_mutex_

  mutable std::shared_mutex state_mutex_;
  Mvcc state_;                   // guarded by state_mutex_
  std::optional<Error> failed_;  // guarded by state_mutex_

  std::mutex commit_mutex_;  // one batch at a time

  std::mutex watch_mutex_;
  std::map<Collection, std::vector<std::shared_ptr<Waker>>> wakers_;  // guarded by watch_mutex_

  std::mutex queue_mutex_;
  std::condition_variable queue_wake_;
  std::vector<Pending> queue_;  // guarded by queue_mutex_
  bool stopping_ = false;       // guarded by queue_mutex_

  std::mutex answer_mutex_;
  std::condition_variable answer_wake_;
  std::vector<std::vector<Pending>> answers_;  // guarded by answer_mutex_
  bool answered_all_ = false;                  // guarded by answer_mutex_: no more will come

  std::thread answerer_, committer_;
};

}  // namespace serin::apiserver
