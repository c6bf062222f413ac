// The launcher with real processes. Each test forks a process that is the launcher, whose deciding
// process tells the test by a pipe what it sees, one line each; the test waits for lines and for
// the end of things, never for time.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "agent/agent_limits.h"
#include "agent/launcher_process.h"
#include "common/clock.h"

namespace reeve {
namespace {

constexpr int patience_ms = 60'000;
constexpr std::int64_t ms = 1'000'000;

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    REQUIRE(pipe2(ends.data(), O_CLOEXEC) == 0);
    read_end = Fd(ends[0]);
    write_end = Fd(ends[1]);
  }
  Fd read_end;
  Fd write_end;
};

void tell(int fd, const std::string& line) {
  const std::string text = line + "\n";
  if (write(fd, text.data(), text.size()) < 0) _exit(99);
}

// Waits until something is readable; false when patience is over.
bool readable(int fd) {
  pollfd ready{fd, POLLIN, 0};
  return poll(&ready, 1, patience_ms) == 1;
}

// A line of what the launched processes tell; "" at their common end, "(nothing)" after patience.
std::string next_line(int fd) {
  std::string line;
  char c = 0;
  while (true) {
    if (!readable(fd)) return "(nothing)";
    if (read(fd, &c, 1) != 1) return "";
    if (c == '\n') return line;
    line += c;
  }
}

// A message of the courier's pair, seen from the deciding process; "" at its end.
std::string message_from(const Fd& end) {
  std::array<char, 256> buffer{};
  if (!readable(end.get())) return "(nothing)";
  const ssize_t got = recv(end.get(), buffer.data(), buffer.size(), 0);
  return std::string(buffer.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
}

Fd next_courier(LauncherChannel& channel) {
  while (readable(channel.fd())) {
    if (auto end = channel.receive_courier()) return std::move(*end);
  }
  return Fd();
}

constexpr LaunchTimes quick{1 * ms, 10 * ms, 30'000 * ms, 30'000 * ms};

// The process that is the launcher, and the pipe by which those below it tell.
struct Launched {
  explicit Launched(std::function<int(LauncherChannel, int, int tell_fd)> decide,
                    const LaunchTimes& times = quick, std::string courier_user = "same",
                    std::function<int(Fd)> scratch = {}) {
    Pipe pipe;
    std::fflush(nullptr);  // else the child would write it again
    pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
      pipe.read_end = Fd();
      const int fd = pipe.write_end.get();
      LaunchPlan plan{std::move(courier_user), "/nonexistent-root", true,
                      [&](LauncherChannel channel, const LastDeath& last) {
                        return decide(std::move(channel), last.wait_status, fd);
                      },
                      std::move(scratch)};
      const auto outcome = launch_with(plan, {{STAND_IN}}, times);
      _exit(outcome.ok() ? *outcome : 98);
    }
    lines = std::move(pipe.read_end);
  }
  Launched(const Launched&) = delete;
  ~Launched() {
    if (pid > 0) {
      kill(pid, SIGKILL);
      waitpid(pid, nullptr, 0);
    }
  }

  std::string line() const { return next_line(lines.get()); }
  // Exit status of the launcher; -1 when it died otherwise.
  int status() {
    int wait_status = 0;
    waitpid(pid, &wait_status, 0);
    pid = 0;
    return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -1;
  }

  pid_t pid = 0;
  Fd lines;
};

TEST_CASE("a clean exit and a failed start of the deciding process pass through") {
  CHECK(Launched([](LauncherChannel, int, int) { return 0; }).status() == 0);
  CHECK(Launched([](LauncherChannel, int, int) { return 1; }).status() == 1);
}

TEST_CASE("the courier starts with its arguments, no environment and four descriptors") {
  REQUIRE(setenv("REEVE_TEST_SECRET", "x", 1) == 0);
  Launched launched([](LauncherChannel channel, int, int out) {
    const Fd end = next_courier(channel);
    tell(out, message_from(end));
    static_cast<void>(send(end.get(), "ping", 4, 0));
    tell(out, message_from(end));
    return 0;
  });
  CHECK(launched.line() == "[reeve-courier][same][/nonexistent-root] clean 0 1 2 3");
  CHECK(launched.line() == "ping");
  CHECK(launched.status() == 0);
}

TEST_CASE("a dead courier is started again and its new end arrives") {
  Launched launched([](LauncherChannel channel, int, int out) {
    for (int life = 0; life < 3; ++life) {
      const Fd end = next_courier(channel);
      tell(out, message_from(end).substr(0, 15));
      if (shutdown(end.get(), SHUT_RDWR) != 0) return 1;  // at which the stand-in ends
    }
    return 0;
  });
  for (int life = 0; life < 3; ++life) CHECK(launched.line() == "[reeve-courier]");
  CHECK(launched.status() == 0);
}

TEST_CASE("a killed courier closes its old end, and a new one comes") {
  Launched launched([](LauncherChannel channel, int, int out) {
    Fd first = next_courier(channel);
    message_from(first);
    ucred peer{};
    socklen_t size = sizeof peer;
    // The pair was made by the launcher, so the courier is found as its youngest child.
    if (getsockopt(first.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return 1;
    const auto path = fmt::format("/proc/{0}/task/{0}/children", peer.pid);
    const Fd children(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    std::array<char, 128> text{};
    if (read(children.get(), text.data(), text.size() - 1) <= 0) return 1;
    pid_t courier = 0;
    for (char* rest = text.data(); *rest != '\0' && *rest != '\n';) {
      const auto pid = static_cast<pid_t>(strtol(rest, &rest, 10));
      if (pid > 0 && pid != getpid()) courier = pid;
      while (*rest == ' ') ++rest;
    }
    if (courier == 0 || kill(courier, SIGKILL) != 0) return 1;
    tell(out, "old: " + message_from(first));
    const Fd second = next_courier(channel);
    tell(out, "new: " + message_from(second).substr(0, 15));
    return 0;
  });
  CHECK(launched.line() == "old: ");
  CHECK(launched.line() == "new: [reeve-courier]");
  CHECK(launched.status() == 0);
}

TEST_CASE("a deciding process that dies is forked again, told how, and gets a new courier") {
  Launched launched([](LauncherChannel channel, int last, int out) {
    const Fd end = next_courier(channel);
    const std::string courier = message_from(end).empty() ? "none" : "courier";
    if (WIFSIGNALED(last)) {
      tell(out, fmt::format("signal {} {}", WTERMSIG(last), courier));
      return 7;
    }
    if (last != 0) {
      tell(out, fmt::format("status {} {}", WEXITSTATUS(last), courier));
      return 0;
    }
    tell(out, "first " + courier);
    kill(getpid(), SIGKILL);
    return 1;
  });
  CHECK(launched.line() == "first courier");
  CHECK(launched.line() == fmt::format("signal {} courier", SIGKILL));
  CHECK(launched.line() == "status 7 courier");
  CHECK(launched.status() == 0);
}

TEST_CASE("an exception in the deciding process is a crash, after which it is forked again") {
  Launched launched([](LauncherChannel, int last, int out) -> int {
    if (last == 0) throw 1;
    tell(out, fmt::format("signal {}", WTERMSIG(last)));
    return 0;
  });
  CHECK(launched.line() == fmt::format("signal {}", SIGABRT));
  CHECK(launched.status() == 0);
}

// Waits for SIGTERM as the agent's loop does, and looks at its courier then.
int until_stopped(LauncherChannel channel, int, int out) {
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigprocmask(SIG_BLOCK, &stop, nullptr);
  const Fd end = next_courier(channel);
  message_from(end);
  tell(out, "ready");
  int number = 0;
  sigwait(&stop, &number);
  const bool sent = send(end.get(), "still there?", 12, MSG_NOSIGNAL) > 0;
  tell(out, sent ? message_from(end) : "courier gone");
  return 0;
}

TEST_CASE("SIGTERM and SIGINT stop the deciding process while its courier still lives") {
  for (const int number : {SIGTERM, SIGINT}) {
    Launched launched(until_stopped);
    REQUIRE(launched.line() == "ready");
    kill(launched.pid, number);
    CHECK(launched.line() == "still there?");
    CHECK(launched.line() == "");  // everything below the launcher has ended
    CHECK(launched.status() == 0);
  }
}

TEST_CASE("a deciding process that does not stop when asked is killed after the grace") {
  LaunchTimes times = quick;
  times.stop_grace_ns = 100 * ms;
  Launched launched(
      [](LauncherChannel, int, int out) {
        std::signal(SIGTERM, SIG_IGN);
        tell(out, "ready");
        while (true) pause();
        return 0;
      },
      times);
  REQUIRE(launched.line() == "ready");
  kill(launched.pid, SIGTERM);
  CHECK(launched.status() == 1);
}

TEST_CASE("a deciding process that reports nothing is killed and forked again") {
  LaunchTimes times = quick;
  times.silence_max_ns = 200 * ms;
  Launched launched(
      [](LauncherChannel, int last, int out) {
        tell(out, fmt::format("last {}", last));
        while (last == 0) pause();
        return 0;
      },
      times);
  CHECK(launched.line() == "last 0");
  CHECK(launched.line() == fmt::format("last {}", SIGKILL));
  CHECK(launched.status() == 0);
}

TEST_CASE("reports keep a busy deciding process alive beyond the silence that would kill it") {
  LaunchTimes times = quick;
  times.silence_max_ns = 300 * ms;
  Launched launched(
      [](LauncherChannel channel, int last, int out) {
        const SystemClock clock;
        const std::int64_t start = clock.monotonic_ns();
        while (clock.monotonic_ns() - start < 1'200 * ms) {
          channel.report_alive();
          pollfd nothing{-1, 0, 0};
          poll(&nothing, 1, 10);
        }
        tell(out, fmt::format("last {}", last));
        return 0;
      },
      times);
  CHECK(launched.line() == "last 0");
  CHECK(launched.status() == 0);
}

// A datagram socket in the abstract namespace that NOTIFY_SOCKET names for as long as it is there.
struct ServiceManager {
  ServiceManager() : socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    const std::string name = fmt::format("reeve-launcher-{}", getpid());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::ranges::copy(name, address.sun_path + 1);
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    REQUIRE(bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0);
    setenv("NOTIFY_SOCKET", ("@" + name).c_str(), 1);
  }
  ServiceManager(const ServiceManager&) = delete;
  ~ServiceManager() { unsetenv("NOTIFY_SOCKET"); }
  bool has_news() const {
    pollfd news{socket.get(), POLLIN, 0};
    return poll(&news, 1, 0) == 1;
  }

  Fd socket;
};

TEST_CASE("the service is ready once its deciding process has come round, and is told so once") {
  const ServiceManager manager;
  Launched launched([](LauncherChannel channel, int last, int out) {
    if (last == 0) {
      tell(out, std::to_string(getpid()));
      while (true) pause();
    }
    for (int i = 0; i < 3; ++i) channel.report_alive();
    return until_stopped(std::move(channel), last, out);
  });
  const pid_t silent = std::atoi(launched.line().c_str());
  REQUIRE(silent > 0);
  CHECK_FALSE(manager.has_news());
  kill(silent, SIGKILL);
  CHECK(launched.line() == "ready");
  CHECK(message_from(manager.socket) == "READY=1");
  kill(launched.pid, SIGTERM);
  CHECK(launched.line() == "still there?");
  CHECK(launched.status() == 0);
  CHECK_FALSE(manager.has_news());
}

TEST_CASE("a launcher that is killed takes deciding process and courier along") {
  Launched launched(until_stopped);
  REQUIRE(launched.line() == "ready");
  kill(launched.pid, SIGKILL);
  CHECK(launched.line() == "");
}

// A deciding process that asks for scratch children, and their body.
Launched with_scratch(std::function<int(LauncherChannel, int, int)> decide,
                      std::function<int(Fd)> scratch) {
  return Launched(std::move(decide), quick, "same", std::move(scratch));
}

int echo(Fd end) {
  char c = 0;
  while (read(end.get(), &c, 1) == 1)
    if (write(end.get(), &c, 1) != 1) return 1;
  return 0;
}

TEST_CASE("a scratch child is made when it is asked for, and no courier is lost meanwhile") {
  auto launched = with_scratch(
      [](LauncherChannel channel, int, int out) {
        // The courier's end is on its way or has come: it must be there afterwards.
        if (!readable(channel.fd())) return 1;
        for (int i = 0; i < 3; ++i) {
          const auto end = channel.ask_for_scratch();
          if (!end.ok()) return 1;
          std::array<char, 8> back{};
          if (write(end->get(), "x", 1) != 1 || read(end->get(), back.data(), 8) != 1) return 1;
          tell(out, std::string(back.data(), 1));
        }
        tell(out, channel.has_courier() ? "kept" : "none");
        const auto courier = channel.receive_courier();
        tell(out, courier ? message_from(*courier).substr(0, 15) : "none");
        tell(out, channel.has_courier() ? "again" : "taken");
        return 0;
      },
      echo);
  for (const char* line : {"x", "x", "x", "kept", "[reeve-courier]", "taken"})
    CHECK(launched.line() == line);
  CHECK(launched.status() == 0);
}

TEST_CASE("a scratch child that is stuck gives way to the next, and one that dies is noticed") {
  auto launched = with_scratch(
      [](LauncherChannel channel, int, int out) {
        const auto stuck = channel.ask_for_scratch();
        const auto next = channel.ask_for_scratch();
        if (!stuck.ok() || !next.ok()) return 1;
        tell(out, message_from(*stuck));  // its end
        if (shutdown(next->get(), SHUT_WR) != 0) return 1;
        tell(out, message_from(*next));
        return 0;
      },
      echo);
  CHECK(launched.line() == "");
  CHECK(launched.status() == 0);
}

TEST_CASE("without a scratch body the question has an answer, too") {
  Launched launched([](LauncherChannel channel, int, int out) {
    const auto end = channel.ask_for_scratch();
    tell(out, end.ok() ? "ok" : end.error().name);
    return 0;
  });
  CHECK(launched.line() == "scratch_failed");
  CHECK(launched.status() == 0);
}

TEST_CASE("what cannot be launched has a name") {
  LaunchPlan plan{"same", "/", true, [](LauncherChannel, const LastDeath&) { return 0; }};
  const auto missing = launch_with(plan, {{"/nonexistent/reeve-courier", "/etc/passwd"}}, {});
  REQUIRE_FALSE(missing.ok());
  CHECK(missing.error().name == "courier_missing");
  for (const char* user : {"no-such-user-here", "root", ""}) {
    plan.courier_user = user;
    const auto unknown = launch_with(plan, {{STAND_IN}}, {});
    REQUIRE_FALSE(unknown.ok());
    CHECK(unknown.error().name == "courier_user_unknown");
  }
}

TEST_CASE("the product's table looks beside the program first and in libexec last") {
  const auto places = product_programs().courier;
  REQUIRE(places.size() == 2);
  CHECK(places[0].ends_with("/tests/courier/reeve-courier"));
  CHECK(places[1].ends_with("/reeve/reeve-courier"));
  CHECK(first_executable({"/nonexistent", "/etc", STAND_IN, "/bin/sh"}) == STAND_IN);
  CHECK(first_executable({"/nonexistent"}).empty());
}

TEST_CASE("backoff doubles to its bound and is forgotten after a long life") {
  Backoff backoff(100, 350);
  CHECK(backoff.after(0) == 100);
  CHECK(backoff.after(0) == 200);
  CHECK(backoff.after(0) == 350);
  CHECK(backoff.after(0) == 350);
  CHECK(backoff.after(limits::restart_forgotten_ns) == 100);
  CHECK(backoff.after(0) == 200);
}

}  // namespace
}  // namespace reeve
