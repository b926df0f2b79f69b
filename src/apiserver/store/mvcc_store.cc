#include "apiserver/store/mvcc_store.h"

#include <algorithm>
#include <future>

#include "base/log.h"
#include "base/strings.h"

namespace serin::apiserver {

/// Lets a watcher go while a wake-up is on its way. Recursive: a wake-up may end its own watch.
struct MvccStore::Waker {
  std::recursive_mutex mutex;
  std::function<void()> call;  // guarded by mutex; empty once the watch has ended
};

/// What the transactions before this one in the batch have changed.
class MvccStore::Overlay {
 public:
  explicit Overlay(const Mvcc& state) : state_(state) {}
  Revision at(const Collection& collection, const NamespacedName& name) const {
    EntryPtr entry = get(collection, name);
    return entry ? entry->revision : 0;
  }
  EntryPtr get(const Collection& collection, const NamespacedName& name) const {
    auto found = changed_.find({collection, name});
    return found != changed_.end() ? found->second : state_.get(collection, name);
  }
  void set(const Collection& collection, const NamespacedName& name, EntryPtr entry) {
    changed_[{collection, name}] = std::move(entry);
  }

 private:
  const Mvcc& state_;
  std::map<std::pair<Collection, NamespacedName>, EntryPtr> changed_;
};

class StoreSubscription final : public Subscription {
 public:
  StoreSubscription(MvccStore& store, Collection collection, Revision from,
                    std::shared_ptr<MvccStore::Waker> waker)
      : store_(store), collection_(std::move(collection)), cursor_(from), waker_(std::move(waker)) {}

  ~StoreSubscription() override {
    {
      std::lock_guard lock(waker_->mutex);
      waker_->call = nullptr;
    }
    std::lock_guard lock(store_.watch_mutex_);
    auto& wakers = store_.wakers_[collection_];
    std::erase(wakers, waker_);
    if (wakers.empty()) store_.wakers_.erase(collection_);
  }

  Result<Batch> poll(size_t limit) override {
    std::shared_lock lock(store_.state_mutex_);
    return store_.state_.poll(collection_, cursor_, limit);
  }

 private:
  MvccStore& store_;
  Collection collection_;
  Revision cursor_;
  std::shared_ptr<MvccStore::Waker> waker_;
};

Result<Committed> Store::commit_and_wait(Transaction transaction) {
  auto answer = std::make_shared<std::promise<Result<Committed>>>();
  auto waiting = answer->get_future();
  commit(std::move(transaction), [answer](Result<Committed> r) { answer->set_value(std::move(r)); });
  return waiting.get();
}

MvccStore::MvccStore(const Clock& clock, Mvcc state, std::unique_ptr<Journal> journal)
    : clock_(clock), journal_(std::move(journal)), state_(std::move(state)) {
  if (!journal_) return;
  answerer_ = std::thread([this] { run_answers(); });
  committer_ = std::thread([this] { run(); });
}

MvccStore::~MvccStore() {
  if (!committer_.joinable()) return;
  {
    std::lock_guard lock(queue_mutex_);
    stopping_ = true;
  }
  queue_wake_.notify_all();
  committer_.join();
  {
    std::lock_guard lock(answer_mutex_);
    answered_all_ = true;
  }
  answer_wake_.notify_all();
  answerer_.join();
}

EntryPtr MvccStore::get(const Collection& collection, const NamespacedName& name) const {
  std::shared_lock lock(state_mutex_);
  return state_.get(collection, name);
}

Result<Listing> MvccStore::list(const Collection& collection, const ListQuery& query) const {
  std::shared_lock lock(state_mutex_);
  return state_.list(collection, query);
}

std::vector<Collection> MvccStore::collections(const std::string& cluster) const {
  std::shared_lock lock(state_mutex_);
  std::vector<Collection> found;
  auto it = state_.tables().lower_bound({cluster, ""});
  for (; it != state_.tables().end() && it->first.cluster == cluster; ++it) found.push_back(it->first);
  return found;
}

std::vector<std::string> MvccStore::clusters() const {
  std::shared_lock lock(state_mutex_);
  std::vector<std::string> names;
  for (const auto& [collection, table] : state_.tables())
    if (table.live > 0 && (names.empty() || names.back() != collection.cluster))
      names.push_back(collection.cluster);
  return names;
}

Revision MvccStore::revision() const {
  std::shared_lock lock(state_mutex_);
  return state_.revision();
}

Result<void> MvccStore::health() const {
  std::shared_lock lock(state_mutex_);
  if (failed_) return fail(*failed_);
  return {};
}

void MvccStore::commit(Transaction transaction, OnCommitted done) {
  Pending pending{std::move(transaction), std::move(done), Committed()};
  if (!journal_) {
    std::vector<Pending> batch;
    batch.push_back(std::move(pending));
    commit_batch(batch);
    for (Pending& each : batch) each.done(std::move(each.answer));
    return;
  }
  {
    std::lock_guard lock(queue_mutex_);
    queue_.push_back(std::move(pending));
  }
  queue_wake_.notify_one();
}

void MvccStore::run() {
  for (;;) {
    std::vector<Pending> batch;
    {
      std::unique_lock lock(queue_mutex_);
      queue_wake_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      batch.swap(queue_);
    }
    commit_batch(batch);
    answer(std::move(batch));
    std::lock_guard commit_lock(commit_mutex_);
    if (failed_) continue;
    if (auto tidied = journal_->tidy(); !tidied) fail_from_now_on(tidied.error());
  }
}

void MvccStore::answer(std::vector<Pending> batch) {
  bool more;
  {
    std::lock_guard lock(queue_mutex_);
    more = !queue_.empty();
  }
  if (!more) {
    for (Pending& pending : batch) pending.done(std::move(pending.answer));
    return;
  }
  {
    std::lock_guard lock(answer_mutex_);
    answers_.push_back(std::move(batch));
  }
  answer_wake_.notify_one();
}

void MvccStore::run_answers() {
  for (;;) {
    std::vector<std::vector<Pending>> batches;
    {
      std::unique_lock lock(answer_mutex_);
      answer_wake_.wait(lock, [&] { return answered_all_ || !answers_.empty(); });
      if (answers_.empty()) return;
      batches.swap(answers_);
    }
    for (auto& batch : batches)
      for (Pending& pending : batch) pending.done(std::move(pending.answer));
  }
}

void MvccStore::fail_from_now_on(const Error& error) {
  log::error("apiserver", "writing failed; the store is read-only until restart", {{"error", error.message}});
  std::unique_lock lock(state_mutex_);
  failed_ = Error{Code::kUnavailable, concat("storage is read-only: ", error.message)};
}

Result<Committed> MvccStore::evaluate(const Transaction& transaction, Overlay& overlay,
                                      Revision& next) const {
  auto changed = [](const NamespacedName& name) {
    return fail(Code::kConflict, concat(name.str(), " has changed"));
  };
  for (const Guard& guard : transaction.guards)
    if (overlay.at(guard.collection, guard.name) != guard.expected) return changed(guard.name);
  for (const Operation& op : transaction.operations)
    if (overlay.at(op.collection, op.name) != op.expected) return changed(op.name);
  Committed entries;
  for (const Operation& op : transaction.operations) {
    auto entry = std::make_shared<Entry>();
    entry->revision = ++next;
    entry->name = op.name;
    if (op.bytes) {
      entry->bytes = *op.bytes;
      entry->labels = op.labels;
      overlay.set(op.collection, op.name, entry);
    } else {
      EntryPtr last = overlay.get(op.collection, op.name);
      if (!last) return changed(op.name);  // only an operation that expects nothing can delete nothing
      entry->bytes = last->bytes;
      entry->labels = last->labels;
      overlay.set(op.collection, op.name, nullptr);
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

void MvccStore::commit_batch(std::vector<Pending>& batch) {
  std::vector<Journal::Record> records;
  {
    std::lock_guard commit_lock(commit_mutex_);
    // Only this thread changes the state, so reading it needs no lock here.
    std::optional<Error> failed = failed_;
    Overlay overlay(state_);
    Revision next = state_.revision();
    for (Pending& pending : batch) {
      if (failed) {
        pending.answer = fail(*failed);
        continue;
      }
      pending.answer = evaluate(pending.transaction, overlay, next);
      if (!pending.answer) continue;
      for (size_t i = 0; i < pending.answer->size(); ++i) {
        const Operation& op = pending.transaction.operations[i];
        records.push_back({op.collection, (*pending.answer)[i], !op.bytes});
      }
    }
    if (journal_ && !records.empty()) {
      if (auto written = journal_->append(records, next); !written) {
        records.clear();
        fail_from_now_on(written.error());
        for (Pending& pending : batch) pending.answer = fail(*failed_);
      }
    }
    if (!records.empty()) {
      for (Pending& pending : batch)
        if (pending.answer && pending.transaction.before_visible) pending.transaction.before_visible();
      TimePoint now = clock_.now();
      std::unique_lock lock(state_mutex_);
      for (const Journal::Record& record : records)
        state_.apply(record.collection, record.entry, record.deleted, now);
      state_.compact(now);
    }
  }
  wake(records);
}

void MvccStore::wake(const std::vector<Journal::Record>& records) {
  std::vector<std::shared_ptr<Waker>> waking;
  {
    std::lock_guard lock(watch_mutex_);
    if (wakers_.empty()) return;
    std::vector<Collection> touched;
    for (const Journal::Record& record : records)
      if (std::find(touched.begin(), touched.end(), record.collection) == touched.end())
        touched.push_back(record.collection);
    for (const Collection& collection : touched)
      if (auto found = wakers_.find(collection); found != wakers_.end())
        waking.insert(waking.end(), found->second.begin(), found->second.end());
  }
  for (const auto& waker : waking) {
    std::lock_guard lock(waker->mutex);
    if (waker->call) waker->call();
  }
}

Result<std::unique_ptr<Subscription>> MvccStore::watch(const Collection& collection, Revision from,
                                                       std::function<void()> wake) {
  auto waker = std::make_shared<Waker>();
  waker->call = std::move(wake);
  {
    std::shared_lock lock(state_mutex_);
    SERIN_TRY(state_.check_start(collection, from));
  }
  {
    std::lock_guard lock(watch_mutex_);
    wakers_[collection].push_back(waker);
  }
  return std::make_unique<StoreSubscription>(*this, collection, from, std::move(waker));
}

std::unique_ptr<Store> memory_store(const Clock& clock, HistoryBounds bounds) {
  return std::make_unique<MvccStore>(clock, Mvcc(bounds), nullptr);
}

}  // namespace serin::apiserver
