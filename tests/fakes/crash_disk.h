// A Disk in memory that forgets what was not synced, as a real one may. It keeps for every file the
// synced content and the operations since, and for names the synced ones and the changes since;
// crash() leaves of the rest what a seed decides. It also fails chosen calls and counts what fired.
// Open files must not outlive their disk. Directories are not renamed here. A file is either
// appended to or written anywhere, by how it was opened; both kinds share names and fates.
#pragma once

#include <array>
#include <map>
#include <set>

#include "common/disk.h"
#include "common/page_disk.h"

namespace reeve {

class CrashDisk final : public Disk, public PageDisk {
 public:
  // `append` stands for every write.
  enum class Call { open, append, sync, truncate, make_directory, rename, remove, sync_directory };
  static constexpr std::size_t call_kinds = 8;

  // What a power cut took. A test that cuts power asserts that over its seeds each of them occurs.
  struct Loss {
    std::uint64_t bytes = 0;  // appended and gone
    std::uint64_t torn = 0;   // files that end inside an append
    std::uint64_t holes = 0;  // files whose size was kept and whose bytes were not
    std::uint64_t names = 0;  // creations, renames and removals that did not happen
    std::uint64_t pages = 0;  // writes in the middle that are gone or torn
  };

  Result<std::unique_ptr<DiskFile>> open(std::string_view name) override;
  Result<std::optional<Bytes>> read(std::string_view name, std::size_t bytes_max) const override;
  Result<std::vector<std::string>> list(std::string_view directory) const override;
  Status make_directory(std::string_view name) override;
  Status rename(std::string_view from, std::string_view to) override;
  Status remove(std::string_view name) override;
  Status sync_directory(std::string_view name) override;
  Result<std::unique_ptr<PageFile>> open_pages(std::string_view name) override;
  bool has_file(std::string_view name) const override;
  Status wipe(std::string_view name) override;

  // The disk as a power cut at this moment would leave it. The same seed gives the same disk. Every
  // file decides by itself, so that operations are reordered across files; each change of a name
  // that was not synced happens or does not.
  std::unique_ptr<CrashDisk> crash(std::uint64_t seed) const;
  const Loss& loss() const { return loss_; }  // of the crash that made this disk

  // The nth call of this kind from here on (1 is the next) fails with os_errno, and as many after
  // it as times says. A failing append writes the first half of its bytes. What a failing sync
  // should have synced is lost at the next crash even when a later sync succeeds, as on Linux,
  // unless it is cut away and written again.
  void fail(Call call, std::uint64_t nth, int os_errno, std::uint64_t times = 1);
  void heal() { faults_.clear(); }  // no call fails any more
  std::uint64_t faults_fired() const { return faults_fired_; }

  // After so many further calls that change something, all calls fail with EIO and change nothing:
  // with crash(), a power cut after each step of a scenario in turn. With restore_power(), the
  // death of a process at such a step: what it had written is still there, synced or not.
  void cut_power_after(std::uint64_t calls) { calls_until_cut_ = calls; }
  void restore_power() { calls_until_cut_.reset(); }
  bool power_is_cut() const { return calls_until_cut_ == std::uint64_t{0}; }

  std::uint64_t calls(Call call) const { return calls_[static_cast<std::size_t>(call)]; }
  std::uint64_t calls() const;

 private:
  class File;

  struct Change {  // of a file's content: bytes written at an offset, or a cut to a size
    std::uint64_t offset = 0;
    Bytes written;
    std::optional<std::uint64_t> cut;
  };
  struct Range {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
  };
  struct Inode {
    Bytes synced;
    std::vector<Change> changes;
    Bytes live;
    std::vector<Range> doomed;  // what a failed sync has lost
    bool is_paged = false;      // written anywhere: its changes reach the disk in any order
  };
  using Names =
      std::map<std::string, std::optional<std::size_t>>;  // path to inode; none: directory
  struct NameChange {
    std::optional<std::string> gone;
    std::optional<std::string> made;
    std::optional<std::size_t> inode;
  };
  struct Fault {
    Call call;
    std::uint64_t first;  // number of the first call that fails
    std::uint64_t last;
    int os_errno;
  };

  Status step(Call call, std::string_view name);
  Result<Inode*> inode_for(std::string_view name);
  void change_names(NameChange change);
  static void apply(const NameChange& change, Names& names);
  static std::uint64_t stable_bytes(const Inode& inode);
  static Bytes durable(const Inode& inode, Bytes content);
  static void apply(const Change& change, Bytes& content);
  static void write(Bytes& content, std::uint64_t offset, ByteView bytes);
  static Bytes survivor(const Inode& inode, std::uint64_t seed, Loss& loss);
  static Bytes scattered(const Inode& inode, std::uint64_t seed, Loss& loss);
  bool directory_exists(std::string_view name) const;

  std::vector<std::unique_ptr<Inode>> inodes_;
  Names synced_names_;
  Names names_;
  std::vector<NameChange> name_changes_;
  std::vector<Fault> faults_;
  std::uint64_t faults_fired_ = 0;
  std::array<std::uint64_t, call_kinds> calls_{};
  std::optional<std::uint64_t> calls_until_cut_;
  Loss loss_;
};

}  // namespace reeve
