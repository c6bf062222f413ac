#include "agent/sockets/linux_sockets.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <map>
#include <set>

#include "agent/sockets/socket_limits.h"
#include "common/text.h"

namespace reeve {
namespace {

std::vector<std::uint64_t> inodes_of(std::span<const Listener> listeners) {
  std::vector<std::uint64_t> out;
  for (const Listener& listener : listeners) out.push_back(listener.inode);
  std::ranges::sort(out);
  return out;
}

Error too_many_descriptors() {
  return os_error("too_many_objects", "look at", "descriptors of all processes", 0);
}

std::string words_for(const Holder& holder) {
  return fmt::format("process {} ({})", holder.pid, printable(holder.program));
}

// The process and everything below it in the tree of processes.
Result<std::vector<pid_t>> family_of(pid_t eldest) {
  const auto pids = all_processes();
  if (!pids.ok()) return pids.error();
  std::multimap<pid_t, pid_t> children;
  for (pid_t pid : *pids) {
    const auto process = Process::open(pid);
    const auto facts = process ? process->facts() : std::nullopt;
    if (facts) children.emplace(facts->parent, pid);
  }
  std::vector<pid_t> out{eldest};
  std::set<pid_t> known{eldest};  // the tree changes while it is read: no circle may form
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto [first, last] = children.equal_range(out[i]);
    for (auto child = first; child != last; ++child)
      if (known.insert(child->second).second) out.push_back(child->second);
  }
  return out;
}

std::optional<ExecutedFile> executed_by(pid_t pid) {
  const auto process = Process::open(pid);
  return process ? process->executed() : std::nullopt;
}

// Us, our launcher, another agent; and the courier, which is our launcher's other child.
bool is_of_the_agent(const Process& process, const ProcessFacts& facts) {
  const auto ours = executed_by(::getpid());
  if (process.pid() == ::getpid() || !ours) return true;
  if (process.executed() == ours) return true;
  return facts.parent == ::getppid() && executed_by(::getppid()) == ours;
}

Status may_end(const Process& process, const ProcessFacts& facts, const Holder& holder) {
  const auto refuse = [&](std::string_view what) {
    return Error{"not_allowed", fmt::format("{} is {}", words_for(holder), what)};
  };
  if (process.pid() == 1) return refuse("the first process of the system");
  if (facts.is_kernel_thread) return refuse("a thread of the kernel");
  if (is_of_the_agent(process, facts)) return refuse("a part of Reeve");
  return {};
}

Status end_of(const Fd& process, const Holder& holder) {
  if (::syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0) != 0)
    return os_error(errno == ESRCH ? "object_changed" : "fix_failed", "end", words_for(holder),
                    errno);
  pollfd entry{process.get(), POLLIN, 0};
  if (::poll(&entry, 1, limits::terminate_wait_ms) > 0) return {};
  return os_error("fix_failed", "end", words_for(holder), ETIMEDOUT);
}

}  // namespace

Result<std::unique_ptr<LinuxSockets>> LinuxSockets::open() {
  auto diag = SockDiag::open();
  if (!diag.ok()) return diag.error();
  return std::make_unique<LinuxSockets>(std::move(*diag));
}

Result<std::vector<Listener>> LinuxSockets::listeners(std::optional<Transport> of) const {
  std::vector<Listener> out;
  for (Transport transport : {Transport::tcp, Transport::udp}) {
    if (of && *of != transport) continue;
    auto some = memory_->diag.listeners(transport);
    if (!some.ok()) return some.error();
    recognise(transport, *some);
    out.insert(out.end(), some->begin(), some->end());
  }
  if (out.size() > limits::listeners_max)
    return os_error("too_many_objects", "list", "listening sockets", 0);
  std::ranges::sort(out);
  return out;
}

void LinuxSockets::recognise(Transport transport, std::vector<Listener>& listeners) const {
  auto& known_ones = memory_->appearances[static_cast<std::size_t>(transport)];
  std::vector<std::pair<std::uint64_t, std::uint64_t>> now;
  for (Listener& listener : listeners) {
    const auto known =
        std::ranges::lower_bound(known_ones, std::pair{listener.cookie, std::uint64_t{0}});
    const bool was_there = known != known_ones.end() && known->first == listener.cookie;
    listener.appearance = was_there ? known->second : ++memory_->appearance;
    now.emplace_back(listener.cookie, listener.appearance);
  }
  std::ranges::sort(now);
  known_ones = std::move(now);
}

Result<std::vector<std::pair<std::uint64_t, Holder>>> LinuxSockets::holders(
    std::span<const Listener> of) const {
  std::vector<std::pair<std::uint64_t, Holder>> out;
  if (of.empty()) return out;
  const auto wanted = inodes_of(of);
  const auto pids = all_processes();
  if (!pids.ok()) return pids.error();
  std::size_t budget = limits::descriptors_max;
  for (pid_t pid : *pids) {
    const auto process = Process::open(pid);
    if (!process) continue;
    const auto held = process->held(wanted, budget);
    if (!held) return too_many_descriptors();
    if (held->empty()) continue;
    const Holder holder = process->describe();
    for (std::uint64_t inode : *held) out.emplace_back(inode, holder);
  }
  return out;
}

Result<bool> LinuxSockets::has_sessions(const Holder& holder) const {
  auto connected = memory_->diag.connections();
  if (!connected.ok()) return connected.error();
  std::ranges::sort(*connected);
  const auto family = family_of(static_cast<pid_t>(holder.pid));
  if (!family.ok()) return family.error();
  std::size_t budget = limits::descriptors_max;
  for (pid_t pid : *family) {
    const auto process = Process::open(pid);
    if (!process) continue;
    const auto held = process->held(*connected, budget);
    if (!held) return too_many_descriptors();
    if (!held->empty()) return true;
  }
  return false;
}

Status LinuxSockets::destroy(const Listener& listener) { return memory_->diag.destroy(listener); }

// The descriptor of the process comes first: from then on its number cannot mean another.
Status LinuxSockets::terminate(const Holder& holder, const Listener& listener) {
  const auto pid = static_cast<pid_t>(holder.pid);
  const Error changed{"object_changed", words_for(holder) + " is not what was looked at"};
  Fd handle(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!handle.is_open())
    return errno == ESRCH ? changed : os_error("fix_failed", "open", words_for(holder), errno);
  const auto process = Process::open(pid);
  const auto facts = process ? process->facts() : std::nullopt;
  if (!facts || facts->start_ticks != holder.start_ticks) return changed;
  REEVE_TRY(may_end(*process, *facts, holder));
  std::size_t budget = limits::descriptors_max;
  const auto held = process->held({&listener.inode, 1}, budget);
  if (!held || held->empty()) return changed;
  return end_of(handle, holder);
}

}  // namespace reeve
