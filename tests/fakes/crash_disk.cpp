#include "tests/fakes/crash_disk.h"

#include <algorithm>
#include <cerrno>

#include "tests/fakes/dice.h"

namespace reeve {

namespace {

Error disk_error(std::string_view act, std::string_view object, int os_errno) {
  bool full = os_errno == ENOSPC || os_errno == EDQUOT;
  return os_error(full ? "disk_full" : "disk_failed", act, object, os_errno);
}

std::string_view parent_of(std::string_view name) {
  auto slash = name.rfind('/');
  return slash == name.npos ? std::string_view() : name.substr(0, slash);
}

std::string_view leaf_of(std::string_view name) { return name.substr(name.rfind('/') + 1); }

void require_plain(std::string_view name) {
  for (std::size_t from = 0; from != name.npos + 1;) {
    auto to = name.find('/', from);
    auto component = name.substr(from, to == name.npos ? to : to - from);
    REEVE_ASSERT(!component.empty() && component != "." && component != "..");
    from = to + 1;
  }
}

std::string_view words_for(CrashDisk::Call call) {
  constexpr std::array<std::string_view, CrashDisk::call_kinds> words{
      "open", "write", "fdatasync", "ftruncate", "mkdir", "rename", "unlink", "fsync"};
  return words[static_cast<std::size_t>(call)];
}

constexpr std::uint64_t sector_bytes = 512;

}  // namespace

class CrashDisk::File final : public DiskFile, public PageFile {
 public:
  File(CrashDisk& disk, Inode& inode, std::string name)
      : disk_(disk), inode_(inode), name_(std::move(name)) {}

  Status append(ByteView bytes) override { return write(inode_.live.size(), bytes); }

  Status write(std::uint64_t offset, ByteView bytes) override {
    if (disk_.power_is_cut()) return disk_error("write", name_, EIO);
    auto allowed = disk_.step(Call::append, name_);
    put(offset, allowed.ok() ? bytes : bytes.first(bytes.size() / 2));
    return allowed;
  }

  Status sync() override {
    if (disk_.power_is_cut()) return disk_error("fdatasync", name_, EIO);
    auto allowed = disk_.step(Call::sync, name_);
    if (failed_.has_value()) return *failed_;
    if (!allowed.ok()) return doom(allowed);
    for (const Change& change : inode_.changes) apply(change, inode_.synced);
    inode_.synced = durable(inode_, std::move(inode_.synced));
    inode_.changes.clear();
    synced_size_ = inode_.live.size();
    return {};
  }

  Status truncate(std::uint64_t size) override {
    REEVE_ASSERT(size <= inode_.live.size());
    REEVE_TRY(disk_.step(Call::truncate, name_));
    inode_.live.resize(size);
    inode_.changes.push_back({0, {}, size});
    for (Range& range : inode_.doomed) range.end = std::min(range.end, size);
    std::erase_if(inode_.doomed, [](const Range& range) { return range.begin >= range.end; });
    if (size <= synced_size_) failed_.reset();
    synced_size_ = std::min(synced_size_, size);
    return {};
  }

  std::uint64_t size() const override { return inode_.live.size(); }

  Result<Bytes> read(std::uint64_t offset, std::size_t count) const override {
    if (disk_.power_is_cut()) return disk_error("read", name_, EIO);
    if (offset >= inode_.live.size()) return Bytes{};
    auto rest = ByteView(inode_.live).subspan(offset);
    auto part = rest.first(std::min(count, rest.size()));
    return Bytes(part.begin(), part.end());
  }

 private:
  void put(std::uint64_t offset, ByteView bytes) {
    if (bytes.empty()) return;
    CrashDisk::write(inode_.live, offset, bytes);
    inode_.changes.push_back({offset, Bytes(bytes.begin(), bytes.end()), std::nullopt});
    // Whole doomed ranges that are written again are saved; a part of one stays lost.
    std::erase_if(inode_.doomed, [&](const Range& range) {
      return offset <= range.begin && range.end <= offset + bytes.size();
    });
  }

  // A file that is written anywhere has each write of the failed sync to itself, since each may be
  // written again.
  Status doom(Status failure) {
    if (inode_.is_paged) {
      for (const Change& change : inode_.changes) {
        if (change.cut) continue;
        inode_.doomed.push_back({change.offset, change.offset + change.written.size()});
      }
      return failure;
    }
    inode_.doomed.push_back({stable_bytes(inode_), inode_.live.size()});
    failed_ = failure.error();
    return failure;
  }

  CrashDisk& disk_;
  Inode& inode_;
  std::string name_;
  std::uint64_t synced_size_ = 0;  // what a sync of this object has made durable
  std::optional<Error> failed_;    // the sync that failed and has not been cut away
};

Result<std::unique_ptr<DiskFile>> CrashDisk::open(std::string_view name) {
  auto inode = inode_for(name);
  if (!inode.ok()) return inode.error();
  return std::unique_ptr<DiskFile>(std::make_unique<File>(*this, **inode, std::string(name)));
}

Result<std::unique_ptr<PageFile>> CrashDisk::open_pages(std::string_view name) {
  auto inode = inode_for(name);
  if (!inode.ok()) return inode.error();
  (*inode)->is_paged = true;
  return std::unique_ptr<PageFile>(std::make_unique<File>(*this, **inode, std::string(name)));
}

bool CrashDisk::has_file(std::string_view name) const {
  auto found = names_.find(std::string(name));
  return found != names_.end() && found->second;
}

Result<CrashDisk::Inode*> CrashDisk::inode_for(std::string_view name) {
  require_plain(name);
  REEVE_TRY(step(Call::open, name));
  if (!directory_exists(parent_of(name))) return disk_error("open", name, ENOENT);
  auto found = names_.find(std::string(name));
  if (found != names_.end() && !found->second) return disk_error("open", name, EISDIR);
  if (found == names_.end()) {
    inodes_.push_back(std::make_unique<Inode>());
    change_names({std::nullopt, std::string(name), inodes_.size() - 1});
    found = names_.find(std::string(name));
  }
  return inodes_[*found->second].get();
}

Result<std::optional<Bytes>> CrashDisk::read(std::string_view name, std::size_t bytes_max) const {
  require_plain(name);
  if (power_is_cut()) return disk_error("read", name, EIO);
  auto found = names_.find(std::string(name));
  if (found == names_.end()) return std::optional<Bytes>();
  if (!found->second) return disk_error("read", name, EISDIR);
  const Bytes& content = inodes_[*found->second]->live;
  if (content.size() > bytes_max) return disk_error("read", name, EFBIG);
  return std::optional<Bytes>(content);
}

Result<std::vector<std::string>> CrashDisk::list(std::string_view directory) const {
  if (!directory.empty()) require_plain(directory);
  if (power_is_cut()) return disk_error("list", directory, EIO);
  if (!directory_exists(directory)) return disk_error("list", directory, ENOENT);
  std::vector<std::string> out;
  for (const auto& entry : names_) {
    if (parent_of(entry.first) == directory) out.emplace_back(leaf_of(entry.first));
  }
  std::ranges::sort(out);
  return out;
}

Status CrashDisk::make_directory(std::string_view name) {
  require_plain(name);
  REEVE_TRY(step(Call::make_directory, name));
  if (!directory_exists(parent_of(name))) return disk_error("mkdir", name, ENOENT);
  auto found = names_.find(std::string(name));
  if (found == names_.end()) {
    change_names({std::nullopt, std::string(name), std::nullopt});
  } else if (found->second) {
    return disk_error("mkdir", name, ENOTDIR);
  }
  return {};
}

Status CrashDisk::rename(std::string_view from, std::string_view to) {
  require_plain(from);
  require_plain(to);
  REEVE_TRY(step(Call::rename, from));
  auto found = names_.find(std::string(from));
  if (found == names_.end() || !directory_exists(parent_of(to))) {
    return disk_error("rename", from, ENOENT);
  }
  REEVE_ASSERT(found->second.has_value());
  if (directory_exists(to)) return disk_error("rename", from, EISDIR);
  change_names({std::string(from), std::string(to), found->second});
  return {};
}

Status CrashDisk::remove(std::string_view name) {
  require_plain(name);
  REEVE_TRY(step(Call::remove, name));
  auto found = names_.find(std::string(name));
  if (found == names_.end()) return {};
  if (!found->second) return disk_error("unlink", name, EISDIR);
  change_names({std::string(name), std::nullopt, std::nullopt});
  return {};
}

Status CrashDisk::wipe(std::string_view name) {
  if (!has_file(name)) return remove(name);
  auto file = open_pages(name);
  if (!file.ok()) return file.error();
  REEVE_TRY((*file)->write(0, Bytes((*file)->size())));
  REEVE_TRY((*file)->sync());
  return remove(name);
}

Status CrashDisk::sync_directory(std::string_view name) {
  if (!name.empty()) require_plain(name);
  REEVE_TRY(step(Call::sync_directory, name));
  if (!directory_exists(name)) return disk_error("fsync", name, ENOENT);
  std::erase_if(name_changes_, [&](const NameChange& change) {
    bool ours = (change.gone && parent_of(*change.gone) == name) ||
                (change.made && parent_of(*change.made) == name);
    if (ours) apply(change, synced_names_);
    return ours;
  });
  return {};
}

void CrashDisk::fail(Call call, std::uint64_t nth, int os_errno, std::uint64_t times) {
  REEVE_ASSERT(nth > 0 && times > 0);
  faults_.push_back({call, calls(call) + nth, calls(call) + nth + times - 1, os_errno});
}

std::uint64_t CrashDisk::calls() const {
  std::uint64_t sum = 0;
  for (std::uint64_t count : calls_) sum += count;
  return sum;
}

// Counts a call that changes something and says whether it may.
Status CrashDisk::step(Call call, std::string_view name) {
  if (power_is_cut()) return disk_error(words_for(call), name, EIO);
  if (calls_until_cut_) --*calls_until_cut_;
  std::uint64_t number = ++calls_[static_cast<std::size_t>(call)];
  for (const Fault& fault : faults_) {
    if (fault.call != call || number < fault.first || number > fault.last) continue;
    ++faults_fired_;
    return disk_error(words_for(call), name, fault.os_errno);
  }
  return {};
}

void CrashDisk::change_names(NameChange change) {
  apply(change, names_);
  name_changes_.push_back(std::move(change));
}

void CrashDisk::apply(const NameChange& change, Names& names) {
  if (change.gone) names.erase(*change.gone);
  if (change.made) names[*change.made] = change.inode;
}

bool CrashDisk::directory_exists(std::string_view name) const {
  if (name.empty()) return true;
  auto found = names_.find(std::string(name));
  return found != names_.end() && !found->second;
}

// How much of the live content is the synced one, from the start.
std::uint64_t CrashDisk::stable_bytes(const Inode& inode) {
  std::uint64_t stable = inode.synced.size();
  for (const Change& change : inode.changes) {
    if (change.cut) stable = std::min(stable, *change.cut);
  }
  return stable;
}

// Content as it gets to the disk: what a failed sync has lost is zeros there.
Bytes CrashDisk::durable(const Inode& inode, Bytes content) {
  for (const Range& range : inode.doomed) {
    for (auto i = range.begin; i < range.end && i < content.size(); ++i) content[i] = 0;
  }
  return content;
}

void CrashDisk::apply(const Change& change, Bytes& content) {
  if (change.cut) {
    content.resize(*change.cut);
  } else {
    write(content, change.offset, change.written);
  }
}

void CrashDisk::write(Bytes& content, std::uint64_t offset, ByteView bytes) {
  if (content.size() < offset + bytes.size()) content.resize(offset + bytes.size());
  std::copy(bytes.begin(), bytes.end(), content.begin() + static_cast<std::ptrdiff_t>(offset));
}

// What is left of a file: all, the synced part only, a prefix of the operations with the next
// append torn at any byte, or the whole size with sectors of the unsynced part that were never
// written.
Bytes CrashDisk::survivor(const Inode& inode, std::uint64_t seed, Loss& loss) {
  Dice dice{seed};
  enum : std::uint64_t { kept, lost, torn, hole, outcomes };
  auto outcome = inode.changes.empty() ? std::uint64_t{kept} : dice.below(outcomes);
  if (inode.is_paged && outcome > lost) return scattered(inode, dice.roll(), loss);
  Bytes content = outcome == kept || outcome == hole ? inode.live : inode.synced;
  auto stable = stable_bytes(inode);
  if (outcome == hole && content.size() > stable) {
    auto begin = stable + dice.below(content.size() - stable);
    auto end = std::min<std::uint64_t>(content.size(), begin + 1 + dice.below(4 * sector_bytes));
    std::fill(content.begin() + static_cast<std::ptrdiff_t>(begin),
              content.begin() + static_cast<std::ptrdiff_t>(end), std::uint8_t{0});
    ++loss.holes;
  }
  if (outcome == torn) {
    auto whole = dice.below(inode.changes.size());
    for (std::size_t i = 0; i <= whole; ++i) {
      const Change& change = inode.changes[i];
      if (change.cut && i < whole) content.resize(*change.cut);
      auto count = i < whole ? change.written.size() : dice.below(change.written.size());
      append(content, ByteView(change.written).first(count));
      if (i == whole && count > 0) ++loss.torn;
    }
  }
  if (content.size() < inode.live.size()) loss.bytes += inode.live.size() - content.size();
  return durable(inode, std::move(content));
}

// Every write reaches the disk or does not, by itself, whole or in some of its sectors; so does
// every cut.
Bytes CrashDisk::scattered(const Inode& inode, std::uint64_t seed, Loss& loss) {
  Dice dice{seed};
  enum : std::uint64_t { kept, lost, torn, outcomes };
  Bytes content = inode.synced;
  for (const Change& change : inode.changes) {
    const auto outcome = dice.below(outcomes);
    if (outcome != kept) ++loss.pages;
    if (outcome == lost) continue;
    if (change.cut) {
      if (*change.cut < content.size()) content.resize(*change.cut);
      continue;
    }
    for (std::uint64_t at = 0; at < change.written.size(); at += sector_bytes) {
      if (outcome == torn && dice.below(2) == 0) continue;
      const auto rest = ByteView(change.written).subspan(at);
      write(content, change.offset + at,
            rest.first(std::min<std::size_t>(rest.size(), sector_bytes)));
    }
  }
  if (content.size() < inode.live.size()) loss.bytes += inode.live.size() - content.size();
  return durable(inode, std::move(content));
}

std::unique_ptr<CrashDisk> CrashDisk::crash(std::uint64_t seed) const {
  Dice dice{seed};
  auto after = std::make_unique<CrashDisk>();
  for (const auto& inode : inodes_) {
    Bytes content = survivor(*inode, dice.roll(), after->loss_);
    after->inodes_.push_back(
        std::make_unique<Inode>(Inode{content, {}, content, {}, inode->is_paged}));
  }
  after->names_ = synced_names_;
  auto share = dice.below(4);  // how many of three changes happen: none, some or all
  for (const NameChange& change : name_changes_) {
    if (dice.below(3) < share) {
      apply(change, after->names_);
    } else {
      ++after->loss_.names;
    }
  }
  // What stands in a directory that was not made cannot be reached.
  std::erase_if(after->names_, [&](const auto& entry) {
    return !after->directory_exists(parent_of(entry.first));
  });
  after->synced_names_ = after->names_;
  return after;
}

}  // namespace reeve
