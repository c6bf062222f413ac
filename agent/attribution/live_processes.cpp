#include "agent/attribution/live_processes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "agent/attribution/attribution_limits.h"
#include "agent/attribution/words.h"

namespace reeve {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;

std::string text_of(std::uint64_t pid, std::string_view name) {
  const Fd fd(::open(fmt::format("/proc/{}/{}", pid, name).c_str(), O_RDONLY | O_CLOEXEC));
  std::string out(limits::ancestor_file_bytes_max, '\0');
  const auto got = fd.is_open() ? ::read(fd.get(), out.data(), out.size()) : 0;
  out.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return out;
}

std::string program_name_of(std::uint64_t pid) {
  std::string out(limits::ancestor_file_bytes_max, '\0');
  const auto got = ::readlink(fmt::format("/proc/{}/exe", pid).c_str(), out.data(), out.size());
  out.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return out.substr(out.rfind('/') + 1);
}

// "0::/system.slice/cron.service" of cgroup v2.
std::string unit_of(std::uint64_t pid) {
  const std::string text = text_of(pid, "cgroup");
  const auto at = text.find("0::");
  if (at == text.npos) return {};
  const std::string path = text.substr(at + 3, text.find('\n', at) - at - 3);
  return path == "/" ? "" : path;
}

std::optional<std::uint32_t> session_of(std::uint64_t pid) {
  const std::string text = text_of(pid, "sessionid");
  std::uint32_t out = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (problem != std::errc() || out == UINT32_MAX) return std::nullopt;
  return out;
}

std::vector<Ancestor> parents_of(const ProcessFacts& facts) {
  std::vector<Ancestor> out;
  pid_t parent = facts.parent;
  while (parent > 0 && out.size() < limits::ancestors_max) {
    const auto process = Process::open(parent);
    const auto known = process ? process->facts() : std::nullopt;
    if (!known) break;
    const auto pid = static_cast<std::uint64_t>(parent);
    out.push_back({pid, program_name_of(pid)});
    parent = known->parent;
  }
  return out;
}

bool is_same_namespace(std::uint64_t pid) {
  struct stat theirs {};
  struct stat ours {};
  return ::stat(fmt::format("/proc/{}/ns/mnt", pid).c_str(), &theirs) == 0 &&
         ::stat("/proc/self/ns/mnt", &ours) == 0 && theirs.st_ino == ours.st_ino;
}

// proc(5) counts ticks since boot; the clock of the rest may have been stopped by a suspend.
std::int64_t began_before(std::uint64_t start_ticks, const Clock& clock) {
  const std::int64_t tick_ns = second_ns / ::sysconf(_SC_CLK_TCK);
  const std::int64_t suspended_ns = clock.boottime_ns() - clock.monotonic_ns();
  return (static_cast<std::int64_t>(start_ticks) + 1) * tick_ns - suspended_ns;
}

LiveProcess described(const Process& process, const ProcessFacts& facts, const Clock& clock) {
  const Holder holder = process.describe();
  LiveProcess out;
  out.began_before_ns = began_before(facts.start_ticks, clock);
  Cause& cause = out.cause;
  cause.pid = holder.pid;
  cause.program = holder.program;
  cause.command = redacted(text_of(holder.pid, "cmdline").substr(0, reeve_command_bytes));
  cause.uid = holder.uid;
  cause.login_uid = holder.login_uid;
  cause.start_ns =
      facts.start_ticks * static_cast<std::uint64_t>(second_ns / ::sysconf(_SC_CLK_TCK));
  cause.inode = holder.inode;
  cause.session = session_of(holder.pid);
  cause.unit = unit_of(holder.pid);
  cause.parents = parents_of(facts);
  cause.is_elsewhere = !is_same_namespace(holder.pid);
  return out;
}

}  // namespace

std::optional<LiveProcess> ProcProcesses::look(std::uint64_t pid) {
  if (auto known = recalled(pid)) return known;
  auto process = Process::open(static_cast<pid_t>(pid));
  const auto file = process ? process->executed() : std::nullopt;
  const auto facts = file ? process->facts() : std::nullopt;
  if (!facts) return std::nullopt;
  const std::int64_t now = clock_.monotonic_ns();
  LiveProcess live = described(*process, *facts, clock_);
  // Read under its number: all of it is this process's only if that still is here, running this.
  if (process->executed() != file) return std::nullopt;
  known_.push_front({pid, std::move(*process), *file, std::move(live), now});
  if (known_.size() > limits::live_processes_max) known_.pop_back();
  return known_.front().live;
}

std::optional<LiveProcess> ProcProcesses::recalled(std::uint64_t pid) {
  const auto found = std::ranges::find(known_, pid, &Known::pid);
  if (found == known_.end()) return std::nullopt;
  const bool is_old = clock_.monotonic_ns() - found->looked_ns > limits::live_process_ns;
  if (is_old || found->process.executed() != found->file) {
    known_.erase(found);
    return std::nullopt;
  }
  known_.splice(known_.begin(), known_, found);
  return found->live;
}

}  // namespace reeve
