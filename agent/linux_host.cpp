#include "agent/linux_host.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "agent/acl_gate.h"
#include "agent/change_mode.h"
#include "agent/file_replacement.h"
#include "agent/kind_limits.h"
#include "agent/no_network.h"
#include "agent/path_pattern.h"

namespace reeve {

namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};

Error object_changed(const std::string& path) {
  return Error{"object_changed", path + ": another object has the name that was looked at"};
}

Error unsafe_hard_link(const std::string& path) {
  return Error{"unsafe_path",
               path + ": the file has other names and stands where others may have put it",
               "remove the other names, or keep the file in a directory that is root's alone"};
}

std::int64_t wall_ns() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

constexpr uid_t unchanged = static_cast<uid_t>(-1);

// fchmod(2) answers EBADF for O_PATH. fchmodat2(2) takes it since Linux 6.6 and spares a walk
// through proc(5), which costs more than the rest of a fix. An older kernel answers ENOSYS; EPERM
// is what a sandbox of others answers that does not know the call, and what a file that is not ours
// to change answers both times.
int change_mode(int fd, std::uint32_t mode) {
  if (syscall(change_mode_call, fd, "", mode, AT_EMPTY_PATH) == 0) return 0;
  if (errno != ENOSYS && errno != EPERM) return -1;
  return fchmodat(AT_FDCWD, proc_path(fd).c_str(), mode, 0);
}

}  // namespace

LinuxHost::Network LinuxHost::no_network() {
  return Network{std::make_unique<NoRuleset>(), std::make_unique<NoSockets>()};
}

Result<std::unique_ptr<LinuxHost>> LinuxHost::open(const std::string& root, Network network) {
  auto paths = SafePath::open_root(root);
  if (!paths.ok()) return paths.error();
  return std::make_unique<LinuxHost>(std::move(*paths), std::move(network));
}

LinuxHost::LinuxHost(SafePath paths, Network network)
    : paths_(std::move(paths)),
      network_(std::move(network)),
      users_(std::make_unique<AccountFile>(paths_, "/etc/passwd")),
      groups_(std::make_unique<AccountFile>(paths_, "/etc/group")),
      accounts_tick_(std::make_unique<std::int64_t>(0)),
      contents_(std::make_unique<FileContents>(wall_ns)) {}

Result<std::optional<FileFacts>> LinuxHost::look(const std::string& path) const {
  auto object = paths_.open(path, FinalLink::keep);
  if (!object.ok()) return object.error();
  if (!*object) return std::optional<FileFacts>{};
  auto facts = facts_of((*object)->get(), path);
  if (!facts.ok()) return facts.error();
  return std::optional(*facts);
}

Result<std::optional<std::string>> LinuxHost::resolve(const std::string& path) const {
  auto reached = paths_.walk(path, FinalLink::follow);
  if (!reached.ok()) return reached.error();
  return *reached ? std::optional((*reached)->path) : std::nullopt;
}

Result<Surroundings> LinuxHost::surroundings(const std::string& path) const {
  auto reached = paths_.walk(path, FinalLink::keep);
  if (!reached.ok()) return reached.error();
  return *reached ? (*reached)->around : Surroundings{};
}

Result<std::vector<std::string>> LinuxHost::list(const std::string& directory) const {
  std::vector<std::string> out;
  auto fd = paths_.open_directory(directory);
  if (!fd.ok()) return fd.error();
  if (!*fd) return out;
  std::unique_ptr<DIR, CloseDirectory> entries(fdopendir((*fd)->get()));
  if (!entries) return os_error("check_failed", "list", directory, errno);
  (*fd)->release();  // closedir closes it
  for (;;) {
    errno = 0;
    const dirent* entry = readdir(entries.get());
    if (entry == nullptr) break;
    std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (out.size() >= limits::rule_objects_max)
      return os_error("too_many_objects", "list", directory, 0);
    out.emplace_back(name);
  }
  if (errno != 0) return os_error("check_failed", "list", directory, errno);
  std::sort(out.begin(), out.end());
  return out;
}

Result<std::optional<Acl>> LinuxHost::acl(const std::string& path, AclUse use) const {
  auto object = paths_.open(path, FinalLink::keep);
  if (!object.ok()) return object.error();
  if (!*object) return std::optional<Acl>{};
  auto found = read_acl((*object)->get(), use, path);
  if (!found.ok()) return found.error();
  return std::optional(std::move(*found));
}

Result<std::optional<ContentFacts>> LinuxHost::content(const std::string& path) const {
  auto object = paths_.open(path, FinalLink::keep);
  if (!object.ok()) return object.error();
  if (!*object) return std::optional<ContentFacts>{};
  auto facts = contents_->facts_of((*object)->get(), path);
  if (!facts.ok()) return facts.error();
  return std::optional(*facts);
}

Result<Bytes> LinuxHost::read_head(const std::string& path, std::size_t bytes_max) const {
  auto object = paths_.open(path, FinalLink::keep);
  if (!object.ok()) return object.error();
  if (!*object) return Bytes{};
  return FileContents::head_of((*object)->get(), path, bytes_max);
}

AccountFile& LinuxHost::users() const {
  refresh_accounts();
  return *users_;
}

AccountFile& LinuxHost::groups() const {
  refresh_accounts();
  return *groups_;
}

void LinuxHost::refresh_accounts() const {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  std::int64_t tick = std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
  if (tick == *accounts_tick_) return;
  *accounts_tick_ = tick;
  users_->refresh();
  groups_->refresh();
}

std::optional<std::uint32_t> LinuxHost::user_id(const std::string& name) const {
  return users().id_of(name);
}

std::optional<std::uint32_t> LinuxHost::group_id(const std::string& name) const {
  return groups().id_of(name);
}

std::string LinuxHost::user_name(std::uint32_t uid) const { return users().name_of(uid); }

std::string LinuxHost::group_name(std::uint32_t gid) const { return groups().name_of(gid); }

Result<LinuxHost::Opened> LinuxHost::open_again(const FileReference& object) const {
  auto fd = paths_.open(object.path, FinalLink::keep);
  if (!fd.ok()) return fd.error();
  if (!*fd) return object_changed(object.path);
  auto facts = facts_of((*fd)->get(), object.path);
  if (!facts.ok()) return facts.error();
  if (!object.is_same_object(*facts)) return object_changed(object.path);
  if (!has_other_names(*facts)) return Opened{std::move(**fd), *facts, {}};
  // Once more and carefully, so that the directories judged are those that led to this object.
  auto reached = paths_.walk(object.path, FinalLink::keep);
  if (!reached.ok()) return reached.error();
  if (!*reached) return object_changed(object.path);
  facts = facts_of((*reached)->object.get(), object.path);
  if (!facts.ok()) return facts.error();
  if (!object.is_same_object(*facts)) return object_changed(object.path);
  return Opened{std::move((*reached)->object), *facts, (*reached)->around};
}

Status LinuxHost::set_owner(const FileReference& object, std::optional<std::uint32_t> uid,
                            std::optional<std::uint32_t> gid) {
  auto opened = open_again(object);
  if (!opened.ok()) return opened.error();
  if (!may_set_owner(opened->facts, opened->around)) return unsafe_hard_link(object.path);
  int failed = fchownat(opened->fd.get(), "", uid.value_or(unchanged), gid.value_or(unchanged),
                        AT_EMPTY_PATH);
  return failed == 0 ? Status() : os_error("fix_failed", "chown", object.path, errno);
}

Status LinuxHost::set_mode(const FileReference& object, std::uint32_t mode) {
  auto opened = open_again(object);
  if (!opened.ok()) return opened.error();
  if (opened->facts.type == FileType::link)
    return Error{"fix_failed", object.path + ": a link has no mode"};
  if (!may_set_mode(opened->facts, opened->around, mode)) return unsafe_hard_link(object.path);
  if (change_mode(opened->fd.get(), mode) == 0) return {};
  return os_error("fix_failed", "chmod", object.path, errno);
}

Status LinuxHost::set_acl(const FileReference& object, AclUse use, const Acl& acl) {
  auto opened = open_again(object);
  if (!opened.ok()) return opened.error();
  if (opened->facts.type == FileType::link)
    return Error{"fix_failed", object.path + ": a link has no ACL"};
  if (!may_set_acl(opened->facts, opened->around)) return unsafe_hard_link(object.path);
  return write_acl(opened->fd.get(), use, acl, object.path);
}

Status LinuxHost::put_file(const FileReference& object, const NewFile& file) {
  return put_new_file(paths_, object, file);
}

Status LinuxHost::remove(const FileReference& object) {
  auto reached = paths_.walk(object.path, FinalLink::keep);
  if (!reached.ok()) return reached.error();
  if (!*reached) return object_changed(object.path);
  if (!(*reached)->directory.is_open())
    return Error{"fix_failed", "remove /: the root is never removed"};
  auto facts = facts_of((*reached)->object.get(), object.path);
  if (!facts.ok()) return facts.error();
  if (!object.is_same_object(*facts)) return object_changed(object.path);
  int flags = facts->type == FileType::directory ? AT_REMOVEDIR : 0;
  if (unlinkat((*reached)->directory.get(), (*reached)->name.c_str(), flags) == 0) return {};
  bool not_empty = errno == ENOTEMPTY || errno == EEXIST;
  return os_error(not_empty ? "directory_not_empty" : "fix_failed", "remove", object.path, errno);
}

Result<FileReference> LinuxHost::make_directory(const std::string& path) {
  auto directory = paths_.open(std::string(directory_of(path)), FinalLink::follow);
  if (!directory.ok()) return directory.error();
  if (!*directory) return os_error("fix_failed", "make directory", path, ENOENT);
  std::string name(file_name_of(path));
  if (mkdirat((*directory)->get(), name.c_str(), 0700) != 0)
    return os_error("fix_failed", "make directory", path, errno);
  Fd made(openat((*directory)->get(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!made.is_open()) return object_changed(path);
  auto facts = facts_of(made.get(), path);
  if (!facts.ok()) return facts.error();
  // Whoever may write the directory could have put another in its place; never one of ours.
  if (facts->uid != geteuid()) return object_changed(path);
  return FileReference{path, *facts};
}

}  // namespace reeve
