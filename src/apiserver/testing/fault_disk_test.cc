// The disk that fails: how it fails. What the store makes of it is in store/fault_test.cc.

#include "apiserver/testing/fault_disk.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace serin::apiserver {

struct FaultDisk::Open {
  sqlite3_file base;  // first, as SQLite wants
  FaultDisk* disk;
  FilePtr* file;
};

FaultDisk::FaultDisk() : real_(sqlite3_vfs_find(nullptr)) {
  vfs_ = *real_;
  vfs_.iVersion = 1;
  vfs_.szOsFile = sizeof(Open);
  vfs_.zName = "fault-disk";
  vfs_.pAppData = this;
  vfs_.xOpen = open;
  vfs_.xDelete = remove;
  vfs_.xAccess = access;
  vfs_.xFullPathname = full_path;
  methods_.iVersion = 1;
  methods_.xClose = close;
  methods_.xRead = read;
  methods_.xWrite = write;
  methods_.xTruncate = truncate;
  methods_.xSync = sync;
  methods_.xFileSize = size;
  methods_.xLock = [](sqlite3_file*, int) { return SQLITE_OK; };
  methods_.xUnlock = [](sqlite3_file*, int) { return SQLITE_OK; };
  methods_.xCheckReservedLock = [](sqlite3_file*, int* held) {
    *held = 0;
    return SQLITE_OK;
  };
  methods_.xFileControl = [](sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; };
  methods_.xSectorSize = [](sqlite3_file*) { return 512; };
  methods_.xDeviceCharacteristics = [](sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; };
  sqlite3_vfs_register(&vfs_, 1);
}

FaultDisk::~FaultDisk() {
  sqlite3_vfs_unregister(&vfs_);
  sqlite3_vfs_register(real_, 1);
}

void FaultDisk::arm(Fault fault, uint64_t number, uint32_t seed) {
  std::lock_guard lock(mutex_);
  armed_ = fault;
  due_at_ = counted_[fault] + number;
  struck_ = false;
  random_.seed(seed);
}

bool FaultDisk::struck() const {
  std::lock_guard lock(mutex_);
  return struck_;
}

uint64_t FaultDisk::operations(Fault fault) const {
  std::lock_guard lock(mutex_);
  auto found = counted_.find(fault);
  return found == counted_.end() ? 0 : found->second;
}

bool FaultDisk::due(Fault fault) {
  uint64_t number = counted_[fault]++;
  if (struck_ || fault != armed_ || number != due_at_) return false;
  struck_ = true;
  if (fault == Fault::kPowerCut || fault == Fault::kTornWrite) off_ = true;
  return true;
}

void FaultDisk::put(std::string& text, const Write& write) {
  size_t at = size_t(write.offset);
  if (write.truncate) return text.resize(at);
  if (text.size() < at + write.bytes.size()) text.resize(at + write.bytes.size());
  text.replace(at, write.bytes.size(), write.bytes);
}

/// Keeps nothing, a beginning, any sectors or all of what is not safe.
void FaultDisk::lose(File& file) {
  constexpr size_t kSector = 512;
  uint32_t manner = random_() % 4;
  size_t beginning = file.pending.empty() ? 0 : random_() % (file.pending.size() + 1);
  for (size_t i = 0; i < file.pending.size(); ++i) {
    const Write& write = file.pending[i];
    if (manner == 0 || (manner == 1 && i > beginning)) break;
    if (manner == 3 || write.truncate || (manner == 1 && i < beginning)) {
      put(file.durable, write);
      continue;
    }
    for (size_t at = 0; at < write.bytes.size(); at += kSector)
      if (random_() % 2) put(file.durable, {write.offset + int64_t(at), write.bytes.substr(at, kSector), false});
  }
  file.pending.clear();
  file.now = file.durable;
}

void FaultDisk::restart(bool power_lost) {
  std::lock_guard lock(mutex_);
  power_lost |= off_;
  off_ = false;
  due_at_ = UINT64_MAX;
  if (!power_lost) return;
  for (auto& [name, file] : deleted_)
    if (!files_.contains(name) && random_() % 2) files_[name] = file;
  deleted_.clear();
  for (auto it = files_.begin(); it != files_.end();) {
    bool gone = !it->second->created_durably && random_() % 2;
    if (!gone) lose(*it->second);
    it = gone ? files_.erase(it) : std::next(it);
  }
}

int FaultDisk::open(sqlite3_vfs* vfs, const char* name, sqlite3_file* handle, int flags, int* out_flags) {
  auto* self = static_cast<FaultDisk*>(vfs->pAppData);
  auto* open = reinterpret_cast<Open*>(handle);
  open->base.pMethods = nullptr;
  std::lock_guard lock(self->mutex_);
  if (self->due(Fault::kPowerCut) || self->off_) return SQLITE_IOERR;
  FilePtr file;
  if (!name) {
    file = std::make_shared<File>();
  } else if (auto found = self->files_.find(name); found != self->files_.end()) {
    file = found->second;
  } else {
    if (!(flags & SQLITE_OPEN_CREATE)) return SQLITE_CANTOPEN;
    file = self->files_[name] = std::make_shared<File>();
    file->syncs_directory = flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL);
  }
  open->base.pMethods = &self->methods_;
  open->disk = self;
  open->file = new FilePtr(std::move(file));
  if (out_flags) *out_flags = flags;
  return SQLITE_OK;
}

int FaultDisk::remove(sqlite3_vfs* vfs, const char* name, int sync_directory) {
  auto* self = static_cast<FaultDisk*>(vfs->pAppData);
  std::lock_guard lock(self->mutex_);
  if (self->due(Fault::kPowerCut) || self->off_) return SQLITE_IOERR_DELETE;
  auto found = self->files_.find(name);
  if (found == self->files_.end()) return SQLITE_IOERR_DELETE_NOENT;
  if (!sync_directory) self->deleted_[name] = found->second;
  self->files_.erase(found);
  return SQLITE_OK;
}

int FaultDisk::access(sqlite3_vfs* vfs, const char* name, int, int* there) {
  auto* self = static_cast<FaultDisk*>(vfs->pAppData);
  std::lock_guard lock(self->mutex_);
  auto found = self->files_.find(name);
  *there = found != self->files_.end() && !found->second->now.empty();
  return SQLITE_OK;
}

int FaultDisk::full_path(sqlite3_vfs*, const char* name, int size, char* out) {
  sqlite3_snprintf(size, out, "%s", name);
  return SQLITE_OK;
}

int FaultDisk::close(sqlite3_file* handle) {
  delete reinterpret_cast<Open*>(handle)->file;
  return SQLITE_OK;
}

int FaultDisk::read(sqlite3_file* handle, void* to, int amount, sqlite3_int64 offset) {
  auto* open = reinterpret_cast<Open*>(handle);
  std::lock_guard lock(open->disk->mutex_);
  if (open->disk->off_ || open->disk->due(Fault::kReadError)) return SQLITE_IOERR_READ;
  const std::string& now = (*open->file)->now;
  size_t at = std::min(size_t(offset), now.size()), there = std::min(size_t(amount), now.size() - at);
  std::memcpy(to, now.data() + at, there);
  std::memset(static_cast<char*>(to) + there, 0, size_t(amount) - there);
  return there == size_t(amount) ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

int FaultDisk::write(sqlite3_file* handle, const void* from, int amount, sqlite3_int64 offset) {
  auto* open = reinterpret_cast<Open*>(handle);
  FaultDisk& disk = *open->disk;
  File& file = **open->file;
  std::lock_guard lock(disk.mutex_);
  if (disk.due(Fault::kPowerCut) || disk.off_) return SQLITE_IOERR_WRITE;
  Write write{offset, std::string(static_cast<const char*>(from), size_t(amount)), false};
  auto keep = [&] {
    put(file.now, write);
    file.pending.push_back(write);
  };
  if (disk.due(Fault::kTornWrite)) {
    keep();
    return SQLITE_IOERR_WRITE;
  }
  if (disk.due(Fault::kNoSpace)) return SQLITE_FULL;
  if (disk.due(Fault::kWriteError)) return SQLITE_IOERR_WRITE;
  if (disk.due(Fault::kShortWrite)) {
    write.bytes.resize(disk.random_() % write.bytes.size());
    keep();
    return SQLITE_IOERR_WRITE;
  }
  keep();
  return SQLITE_OK;
}

int FaultDisk::truncate(sqlite3_file* handle, sqlite3_int64 to) {
  auto* open = reinterpret_cast<Open*>(handle);
  std::lock_guard lock(open->disk->mutex_);
  if (open->disk->due(Fault::kPowerCut) || open->disk->off_) return SQLITE_IOERR_TRUNCATE;
  Write write{to, {}, true};
  put((*open->file)->now, write);
  (*open->file)->pending.push_back(std::move(write));
  return SQLITE_OK;
}

int FaultDisk::sync(sqlite3_file* handle, int) {
  auto* open = reinterpret_cast<Open*>(handle);
  File& file = **open->file;
  std::lock_guard lock(open->disk->mutex_);
  if (open->disk->due(Fault::kPowerCut) || open->disk->off_) return SQLITE_IOERR_FSYNC;
  if (open->disk->due(Fault::kSyncError)) {
    open->disk->lose(file);
    return SQLITE_IOERR_FSYNC;
  }
  for (const Write& write : file.pending) put(file.durable, write);
  file.pending.clear();
  file.created_durably = true;
  if (std::exchange(file.syncs_directory, false)) {
    open->disk->deleted_.clear();
    for (auto& [name, other] : open->disk->files_) other->created_durably = true;
  }
  return SQLITE_OK;
}

int FaultDisk::size(sqlite3_file* handle, sqlite3_int64* size) {
  auto* open = reinterpret_cast<Open*>(handle);
  std::lock_guard lock(open->disk->mutex_);
  *size = sqlite3_int64((*open->file)->now.size());
  return SQLITE_OK;
}

}  // namespace serin::apiserver
