// One loop over a signalfd, two pidfds and the channel; every wait has the nearest deadline as its
// bound. The launcher keeps no more than this state, so that it can go on for years untouched.
#include "agent/launcher.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <utility>

#include "agent/agent_limits.h"
#include "agent/child.h"
#include "agent/courier_user.h"
#include "agent/launcher_process.h"
#include "agent/netfilter/netfilter_limits.h"
#include "agent/owner_line.h"
#include "common/clock.h"
#include "common/service_manager.h"

namespace reeve {
namespace {

constexpr std::int64_t never = INT64_MAX;
constexpr std::int64_t ns_per_ms = 1'000'000;
constexpr std::int64_t scratch_patience_ns = limits::scratch_deadline_s * 1'000'000'000LL;
constexpr int courier_pair_fd = 3;  // where the courier finds its end

Result<std::array<Fd, 2>> seqpacket_pair() {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0) {
    return os_error("launch_failed", "socketpair", "AF_UNIX", errno);
  }
  return std::array<Fd, 2>{Fd(ends[0]), Fd(ends[1])};
}

class Launcher {
 public:
  Launcher(const LaunchPlan& plan, std::string courier_program, const LaunchTimes& times)
      : plan_(plan),
        courier_program_(std::move(courier_program)),
        times_(times),
        decider_backoff_(times.restart_min_ns, times.restart_max_ns),
        courier_backoff_(times.restart_min_ns, times.restart_max_ns) {}

  Status prepare();
  int run();

 private:
  void start_what_is_due(std::int64_t now);
  Status start_decider(std::int64_t now);
  Status start_courier(std::int64_t now);
  [[noreturn]] void become_decider(Fd channel, pid_t parent) noexcept;
  [[noreturn]] void become_courier(int end, pid_t parent) noexcept;
  [[noreturn]] void become_scratch(Fd end, pid_t parent) noexcept;
  int wait_for_events(std::int64_t now);
  std::optional<int> note_decider_death(std::int64_t now);
  void note_courier_death(std::int64_t now);
  void start_scratch(std::int64_t now);
  void note_scratch(std::int64_t now);
  void courier_failed(std::int64_t now, std::string_view what);
  void kill_when_silent(std::int64_t now);
  void tell_watchdog(std::int64_t now);
  StopRequest who_asks();
  int stop();

  const LaunchPlan& plan_;
  const std::string courier_program_;
  const LaunchTimes times_;
  SystemClock clock_;
  sigset_t mask_before_{};
  Fd signals_;
  Fd null_;
  // In this order, so that the courier's end comes last where both still run.
  Child courier_;
  Child scratch_;
  Child decider_;
  Fd channel_;
  Backoff decider_backoff_;
  Backoff courier_backoff_;
  std::int64_t decider_started_ns_ = 0;
  std::int64_t courier_started_ns_ = 0;
  std::int64_t scratch_started_ns_ = 0;
  std::int64_t decider_alive_ns_ = 0;
  std::int64_t decider_due_ns_ = 0;
  std::int64_t courier_due_ns_ = 0;
  LastDeath last_death_;
  std::optional<std::int64_t> watchdog_ns_;  // how often a service manager wants to hear of us
  std::int64_t watchdog_due_ns_ = never;
  bool signalled_ = false;
  bool killed_for_silence_ = false;
  bool told_ready_ = false;  // the deciding process has come round once
};

// The stop signals stay blocked for good: after launch() there is only the exit, and a second
// SIGTERM must not take its status away.
Status Launcher::prepare() {
  null_ = Fd(open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null_.is_open()) return os_error("launch_failed", "open", "/dev/null", errno);
  sigset_t stops;
  sigemptyset(&stops);
  for (int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&stops, number);
  if (sigprocmask(SIG_BLOCK, &stops, &mask_before_) != 0) {
    return os_error("launch_failed", "sigprocmask", "stop signals", errno);
  }
  signals_ = Fd(signalfd(-1, &stops, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_.is_open()) return os_error("launch_failed", "signalfd", "stop signals", errno);
  watchdog_ns_ = watchdog_interval_ns();
  if (watchdog_ns_) watchdog_due_ns_ = clock_.monotonic_ns();
  return {};
}

int Launcher::run() {
  while (true) {
    start_what_is_due(clock_.monotonic_ns());
    const int ready = wait_for_events(clock_.monotonic_ns());
    if (signalled_) return stop();
    const std::int64_t now = clock_.monotonic_ns();
    if (ready > 0 && channel_.is_open()) {
      const Reports reports = take_reports(channel_.get());
      if (reports.is_alive || reports.wants_scratch) decider_alive_ns_ = now;
      if (reports.is_alive && !std::exchange(told_ready_, true)) notify_ready();
      if (reports.wants_scratch) start_scratch(now);
      if (reports.wants_courier && courier_.running()) courier_failed(now, "stuck");
    }
    tell_watchdog(now);
    note_scratch(now);
    note_courier_death(now);
    if (const auto status = note_decider_death(now)) return *status;
    kill_when_silent(now);
  }
}

void Launcher::start_what_is_due(std::int64_t now) {
  if (!decider_.running() && now >= decider_due_ns_) {
    if (auto started = start_decider(now); !started) {
      tell_owner(fmt::format("{}: {}", started.error().name, started.error().detail));
      decider_due_ns_ = now + decider_backoff_.after(0);
    }
  }
  // A courier is of use only to a deciding process that can be handed its end.
  const bool wanted = plan_.with_courier && decider_.running() && !courier_.running();
  if (wanted && now >= courier_due_ns_) {
    if (auto started = start_courier(now); !started) courier_failed(now, started.error().detail);
  }
}

Status Launcher::start_decider(std::int64_t now) {
  auto pair = seqpacket_pair();
  if (!pair) return pair.error();
  const pid_t parent = getpid();
  std::fflush(nullptr);  // else what is buffered would be written twice
  const pid_t pid = fork();
  if (pid < 0) return os_error("launch_failed", "fork", "the deciding process", errno);
  if (pid == 0) {
    (*pair)[0] = Fd();
    become_decider(std::move((*pair)[1]), parent);
  }
  auto child = Child::adopt(pid);
  if (!child) return child.error();
  decider_ = std::move(*child);
  channel_ = std::move((*pair)[0]);
  decider_started_ns_ = decider_alive_ns_ = now;
  killed_for_silence_ = false;
  courier_due_ns_ = now;
  return {};
}

// Only in the forked child. noexcept: what escapes the deciding process ends it as a crash does,
// and it is forked again.
void Launcher::become_decider(Fd channel, pid_t parent) noexcept {
  die_with_parent(parent);
  setsid();  // the terminal's Ctrl-C reaches the launcher alone, which stops things in order
  signals_ = Fd();
  null_ = Fd();
  channel_ = Fd();
  sigprocmask(SIG_SETMASK, &mask_before_, nullptr);
  const int status = plan_.decide(LauncherChannel(std::move(channel)), last_death_);
  std::fflush(nullptr);
  _exit(status);
}

Status Launcher::start_courier(std::int64_t now) {
  courier_started_ns_ = now;
  auto pair = seqpacket_pair();
  if (!pair) return pair.error();
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) return os_error("launch_failed", "fork", "the courier", errno);
  if (pid == 0) become_courier((*pair)[1].get(), parent);
  auto child = Child::adopt(pid);
  if (!child) return child.error();
  courier_ = std::move(*child);
  if (!send_courier(channel_.get(), (*pair)[0])) {
    return Error{"launch_failed", "the deciding process takes no courier"};
  }
  return {};
}

// Only in the forked child. Standard input and output lead nowhere; standard error stays until the
// courier has sealed itself.
void Launcher::become_courier(int end, pid_t parent) noexcept {
  die_with_parent(parent);
  setsid();
  sigprocmask(SIG_SETMASK, &mask_before_, nullptr);
  // Moved out of the way first, so that no dup2 lands on a descriptor that is still needed.
  const int pair_end = fcntl(end, F_DUPFD_CLOEXEC, courier_pair_fd + 1);
  const int null = fcntl(null_.get(), F_DUPFD_CLOEXEC, courier_pair_fd + 1);
  const bool placed = pair_end >= 0 && null >= 0 && dup2(null, 0) == 0 && dup2(null, 1) == 1 &&
                      dup2(pair_end, courier_pair_fd) == courier_pair_fd;
  if (!placed || close_range(courier_pair_fd + 1, ~0u, 0) != 0) _exit(126);
  std::string name = "reeve-courier";
  std::string user = plan_.courier_user;
  std::string root = plan_.empty_root;
  std::array<char*, 4> arguments{name.data(), user.data(), root.data(), nullptr};
  std::array<char*, 1> environment{nullptr};
  execve(courier_program_.c_str(), arguments.data(), environment.data());
  _exit(127);
}

// Number of ready descriptors; sets signalled_ when a stop was asked for.
int Launcher::wait_for_events(std::int64_t now) {
  std::int64_t until = never;
  if (decider_.running()) {
    if (!killed_for_silence_) until = decider_alive_ns_ + times_.silence_max_ns;
    if (plan_.with_courier && !courier_.running()) until = std::min(until, courier_due_ns_);
  } else {
    until = decider_due_ns_;
  }
  // poll(2) passes over the negative descriptors of what does not run.
  until = std::min(until, watchdog_due_ns_);
  if (scratch_.running()) until = std::min(until, scratch_started_ns_ + scratch_patience_ns);
  std::array<pollfd, 5> waits{{{signals_.get(), POLLIN, 0},
                               {decider_.pidfd(), POLLIN, 0},
                               {channel_.get(), POLLIN, 0},
                               {courier_.pidfd(), POLLIN, 0},
                               {scratch_.pidfd(), POLLIN, 0}}};
  const std::int64_t left = until == never ? -1 : std::max<std::int64_t>(until - now, 0);
  const std::int64_t ms = left < 0 ? -1 : std::min<std::int64_t>(left / ns_per_ms + 1, INT32_MAX);
  const int ready = poll(waits.data(), waits.size(), static_cast<int>(ms));
  signalled_ = ready > 0 && waits[0].revents != 0;
  return ready;
}

// The status to pass on where the death was final.
std::optional<int> Launcher::note_decider_death(std::int64_t now) {
  pollfd death{decider_.pidfd(), POLLIN, 0};
  if (!decider_.running() || poll(&death, 1, 0) != 1) return std::nullopt;
  last_death_ = {decider_.reap(), killed_for_silence_};
  const int status = last_death_.wait_status;
  channel_ = Fd();
  courier_.kill_and_reap();  // its peer is gone
  scratch_.kill_and_reap();
  if (WIFEXITED(status) && WEXITSTATUS(status) <= 1) return WEXITSTATUS(status);
  if (plan_.runs_once) {
    tell_owner(fmt::format("ended by {}", how_it_ended(status)));
    return 1;
  }
  const std::int64_t delay = decider_backoff_.after(now - decider_started_ns_);
  decider_due_ns_ = now + delay;
  tell_owner(fmt::format("the deciding process ended by {}, started again in {} ms",
                         how_it_ended(status), delay / ns_per_ms));
  return std::nullopt;
}

void Launcher::note_courier_death(std::int64_t now) {
  pollfd death{courier_.pidfd(), POLLIN, 0};
  if (!courier_.running() || poll(&death, 1, 0) != 1) return;
  courier_failed(now, "ended by " + how_it_ended(courier_.reap()));
}

// One at a time: who asks again has given up the one before. A child that cannot be started is not
// answered, and the deciding process stops waiting for it.
void Launcher::start_scratch(std::int64_t now) {
  scratch_.kill_and_reap();
  if (!plan_.scratch) return;
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) return;
  Fd ours(ends[0]);
  Fd theirs(ends[1]);
  const pid_t parent = getpid();
  std::fflush(nullptr);
  const pid_t pid = fork();
  if (pid < 0) return;
  if (pid == 0) become_scratch(std::move(theirs), parent);
  auto child = Child::adopt(pid);
  if (!child) return;
  scratch_ = std::move(*child);
  scratch_started_ns_ = now;
  send_scratch(channel_.get(), ours);
}

// Only in the forked child, which keeps nothing of the launcher's but its end.
void Launcher::become_scratch(Fd end, pid_t parent) noexcept {
  die_with_parent(parent);
  setsid();
  sigprocmask(SIG_SETMASK, &mask_before_, nullptr);
  _exit(plan_.scratch(std::move(end)));
}

void Launcher::note_scratch(std::int64_t now) {
  if (!scratch_.running()) return;
  pollfd death{scratch_.pidfd(), POLLIN, 0};
  if (now - scratch_started_ns_ >= scratch_patience_ns || poll(&death, 1, 0) == 1)
    scratch_.kill_and_reap();
}

void Launcher::courier_failed(std::int64_t now, std::string_view what) {
  const std::int64_t lived = courier_.running() ? 0 : now - courier_started_ns_;
  courier_.kill_and_reap();
  const std::int64_t delay = courier_backoff_.after(lived);
  courier_due_ns_ = now + delay;
  tell_owner(fmt::format("courier: {}, started again in {} ms", what, delay / ns_per_ms));
}

void Launcher::kill_when_silent(std::int64_t now) {
  if (!decider_.running() || killed_for_silence_) return;
  if (now - decider_alive_ns_ < times_.silence_max_ns) return;
  tell_owner("the deciding process is stuck and will be killed");
  decider_.signal(SIGKILL);
  killed_for_silence_ = true;
}

// It watches the deciding process and the courier itself, so that a service manager watches this
// process alone.
void Launcher::tell_watchdog(std::int64_t now) {
  if (now < watchdog_due_ns_) return;
  notify_alive();
  watchdog_due_ns_ = now + *watchdog_ns_;
}

StopRequest Launcher::who_asks() {
  signalfd_siginfo info{};
  if (read(signals_.get(), &info, sizeof info) != sizeof info) return {};
  StopRequest request{static_cast<int>(info.ssi_signo), info.ssi_pid, info.ssi_uid, {}};
  std::array<char, 256> path{};
  const std::string link = fmt::format("/proc/{}/exe", info.ssi_pid);
  const ssize_t length = readlink(link.c_str(), path.data(), path.size());
  if (length > 0) request.program.assign(path.data(), static_cast<std::size_t>(length));
  return request;
}

// The deciding process first, so that what it has still to send can leave by the courier.
int Launcher::stop() {
  if (!decider_.running()) return 0;
  send_stop(channel_.get(), who_asks());
  decider_.signal(SIGTERM);
  const std::int64_t end = clock_.monotonic_ns() + times_.stop_grace_ns;
  while (true) {
    const std::int64_t left = end - clock_.monotonic_ns();
    pollfd death{decider_.pidfd(), POLLIN, 0};
    if (left <= 0) break;
    if (poll(&death, 1, static_cast<int>(left / ns_per_ms + 1)) > 0) break;
  }
  decider_.signal(SIGKILL);  // without effect on one that has ended
  const int status = decider_.reap();
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

}  // namespace

std::int64_t Backoff::after(std::int64_t lived_ns) {
  if (lived_ns >= limits::restart_forgotten_ns) delay_ns_ = min_ns_;
  const std::int64_t delay = delay_ns_;
  delay_ns_ = std::min(delay_ns_ * 2, max_ns_);
  return delay;
}

Result<int> launch_with(const LaunchPlan& plan, const Programs& programs,
                        const LaunchTimes& times) {
  std::string courier_program;
  if (plan.with_courier) {
    courier_program = first_executable(programs.courier);
    if (courier_program.empty()) {
      return Error{"courier_missing", "no reeve-courier beside reeve-agent or in " REEVE_LIBEXEC,
                   "install it there, or build the whole project"};
    }
    if (plan.courier_user != courier_user_same) {
      if (auto user = find_courier_user(plan.courier_user); !user) return user.error();
    }
  }
  Launcher launcher(plan, std::move(courier_program), times);
  REEVE_TRY(launcher.prepare());
  return launcher.run();
}

Result<int> launch(const LaunchPlan& plan) { return launch_with(plan, product_programs(), {}); }

}  // namespace reeve
