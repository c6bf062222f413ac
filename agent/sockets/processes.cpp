#include "agent/sockets/processes.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <linux/sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <climits>
#include <memory>

#include <fmt/format.h>

#include "agent/sockets/socket_limits.h"

namespace reeve {
namespace {

constexpr std::uint64_t kernel_thread_flag = 0x00200000;  // PF_KTHREAD, proc_pid_stat(5) field 9

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

Directory open_list(int directory, const std::string& name) {
  Fd fd(openat(directory, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.is_open()) return {};
  Directory out(fdopendir(fd.get()));
  if (out) fd.release();  // closedir closes it
  return out;
}

template <class Number>
std::optional<Number> number_in(std::string_view text) {
  Number out = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

// As much of a file as its bound allows; absent where it cannot be read.
std::optional<std::string> text_of(int directory, const char* name, std::size_t bytes_max) {
  Fd fd(openat(directory, name, O_RDONLY | O_CLOEXEC));
  if (!fd.is_open()) return std::nullopt;
  std::string out(bytes_max, '\0');
  std::size_t size = 0;
  while (size < out.size()) {
    const auto got = ::read(fd.get(), out.data() + size, out.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::nullopt;
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  out.resize(size);
  return out;
}

// Word by word; the name in brackets before them may itself hold spaces and brackets.
std::vector<std::string_view> words_after_name(std::string_view stat) {
  std::vector<std::string_view> out;
  const auto name_end = stat.rfind(')');
  if (name_end == std::string_view::npos) return out;
  stat.remove_prefix(name_end + 1);
  while (true) {
    const auto start = stat.find_first_not_of(" \n");
    if (start == std::string_view::npos) return out;
    stat.remove_prefix(start);
    const auto end = std::min(stat.find_first_of(" \n"), stat.size());
    out.push_back(stat.substr(0, end));
    stat.remove_prefix(end);
  }
}

// "socket:[123]" as the number.
std::optional<std::uint64_t> socket_inode(std::string_view link) {
  constexpr std::string_view head = "socket:[";
  if (!link.starts_with(head) || !link.ends_with(']')) return std::nullopt;
  link.remove_prefix(head.size());
  link.remove_suffix(1);
  return number_in<std::uint64_t>(link);
}

std::string link_text(int directory, const char* name) {
  std::string out(PATH_MAX, '\0');
  const auto got = ::readlinkat(directory, name, out.data(), out.size());
  out.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return out;
}

std::optional<std::uint64_t> mount_of(int directory, const std::string& name, int flags) {
  struct statx found {};
  if (::statx(directory, name.c_str(), flags, STATX_MNT_ID, &found) != 0) return std::nullopt;
  return (found.stx_mask & STATX_MNT_ID) != 0 ? std::optional(found.stx_mnt_id) : std::nullopt;
}

// Where a removed file stood. The path that the kernel shows of it is only true where it is on the
// mount that the path leads us to: every mount namespace has mounts of its own.
std::string replaced_path(int process, const std::string& executed, std::string_view shown) {
  constexpr std::string_view mark = " (deleted)";
  if (!shown.starts_with('/') || !shown.ends_with(mark)) return {};
  shown.remove_suffix(mark.size());
  const std::string above(shown.substr(0, std::max<std::size_t>(shown.rfind('/'), 1)));
  const auto mount = mount_of(process, executed, 0);
  if (!mount || mount != mount_of(AT_FDCWD, above, AT_SYMLINK_NOFOLLOW)) return {};
  return std::string(shown);
}

bool have_one_table(pid_t one, pid_t other) {
  return ::syscall(SYS_kcmp, one, other, KCMP_FILES, 0, 0) == 0;
}

std::optional<std::uint32_t> effective_uid(std::string_view status) {
  const auto line = status.find("\nUid:\t");
  if (line == std::string_view::npos) return std::nullopt;
  auto numbers = status.substr(line + 6);
  const auto second = numbers.find('\t');
  if (second == std::string_view::npos) return std::nullopt;
  numbers.remove_prefix(second + 1);
  return number_in<std::uint32_t>(numbers.substr(0, numbers.find('\t')));
}

}  // namespace

std::optional<Process> Process::open(pid_t pid) {
  const std::string path = fmt::format("/proc/{}", pid);
  Fd directory(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory.is_open()) return std::nullopt;
  return Process(pid, std::move(directory));
}

std::optional<ProcessFacts> Process::facts() const {
  const auto stat = text_of(directory_.get(), "stat", limits::process_file_bytes_max);
  if (!stat) return std::nullopt;
  const auto words = words_after_name(*stat);  // the first is field 3
  if (words.size() < 20) return std::nullopt;
  const auto parent = number_in<pid_t>(words[1]);
  const auto flags = number_in<std::uint64_t>(words[6]);
  const auto start = number_in<std::uint64_t>(words[19]);
  if (!parent || !flags || !start) return std::nullopt;
  return ProcessFacts{*parent, *start, (*flags & kernel_thread_flag) != 0};
}

// Where the main thread has ended, the others still show what they run.
std::string Process::living() const {
  struct stat found {};
  if (::fstatat(directory_.get(), "exe", &found, 0) == 0) return ".";
  auto threads = open_list(directory_.get(), "task");
  while (const dirent* entry = threads ? readdir(threads.get()) : nullptr) {
    const std::string thread = fmt::format("task/{}", entry->d_name);
    if (entry->d_name[0] != '.' &&
        ::fstatat(directory_.get(), (thread + "/exe").c_str(), &found, 0) == 0)
      return thread;
  }
  return ".";
}

std::optional<ExecutedFile> Process::executed() const {
  struct stat found {};
  if (::fstatat(directory_.get(), (living() + "/exe").c_str(), &found, 0) != 0) return std::nullopt;
  return ExecutedFile{found.st_dev, found.st_ino};
}

std::vector<std::string> Process::tables() const {
  std::vector<std::string> out{"fd"};
  struct stat threads_facts {};
  // Its number of links is that of the threads and two.
  if (::fstatat(directory_.get(), "task", &threads_facts, 0) != 0 || threads_facts.st_nlink <= 3)
    return out;
  std::vector<pid_t> seen{pid_};
  auto threads = open_list(directory_.get(), "task");
  while (const dirent* entry = threads ? readdir(threads.get()) : nullptr) {
    const auto thread = number_in<pid_t>(entry->d_name);
    if (!thread || *thread == pid_) continue;
    if (std::ranges::any_of(seen, [&](pid_t other) { return have_one_table(other, *thread); }))
      continue;
    seen.push_back(*thread);
    out.push_back(fmt::format("task/{}/fd", *thread));
  }
  return out;
}

std::optional<std::vector<std::uint64_t>> Process::held(std::span<const std::uint64_t> sockets,
                                                        std::size_t& budget) const {
  std::vector<std::uint64_t> out;
  std::array<char, 32> link{};  // longer ones are no sockets
  for (const std::string& table : tables()) {
    auto descriptors = open_list(directory_.get(), table);
    while (const dirent* entry = descriptors ? readdir(descriptors.get()) : nullptr) {
      if (entry->d_name[0] == '.') continue;
      if (budget == 0) return std::nullopt;
      --budget;
      const auto size =
          ::readlinkat(dirfd(descriptors.get()), entry->d_name, link.data(), link.size());
      if (size <= 0) continue;
      const auto inode = socket_inode({link.data(), static_cast<std::size_t>(size)});
      if (inode && std::ranges::binary_search(sockets, *inode)) out.push_back(*inode);
    }
  }
  std::ranges::sort(out);
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

Holder Process::describe() const {
  Holder out;
  out.pid = static_cast<std::uint64_t>(pid_);
  if (const auto known = facts()) out.start_ticks = known->start_ticks;
  if (const auto file = executed()) {
    out.device = file->device;
    out.inode = file->inode;
  }
  const std::string at = living();
  out.program = link_text(directory_.get(), (at + "/exe").c_str());
  out.replaced = replaced_path(directory_.get(), at + "/exe", out.program);
  out.command =
      text_of(directory_.get(), (at + "/cmdline").c_str(), limits::command_bytes_max).value_or("");
  while (out.command.ends_with('\0')) out.command.pop_back();
  std::ranges::replace(out.command, '\0', ' ');
  const auto status = text_of(directory_.get(), "status", limits::process_file_bytes_max);
  if (status) out.uid = effective_uid(*status).value_or(0);
  const auto login = text_of(directory_.get(), "loginuid", limits::process_file_bytes_max);
  const auto login_uid = number_in<std::uint32_t>(login.value_or(""));
  if (login_uid && *login_uid != UINT32_MAX) out.login_uid = login_uid;
  return out;
}

Result<std::vector<pid_t>> all_processes() {
  auto list = open_list(AT_FDCWD, "/proc");
  if (!list) return os_error("check_failed", "list", "/proc", errno);
  std::vector<pid_t> out;
  while (const dirent* entry = readdir(list.get())) {
    const auto pid = number_in<pid_t>(entry->d_name);
    if (!pid) continue;
    if (out.size() >= limits::processes_max)
      return os_error("too_many_objects", "list", "processes", 0);
    out.push_back(*pid);
  }
  return out;
}

}  // namespace reeve
