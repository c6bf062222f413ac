#include <doctest/doctest.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <future>
#include <thread>

#include "agent/sandbox.h"
#include "tests/sockets/sockets_world.h"

namespace reeve {
namespace {

std::unique_ptr<LinuxSockets> opened() {
  auto sockets = LinuxSockets::open();
  REQUIRE_MESSAGE(sockets.ok(), (sockets.ok() ? "" : sockets.error().detail));
  return std::move(*sockets);
}

Listener only_listener_at(const SocketEyes& eyes, std::uint16_t port) {
  const auto all = listeners_at(eyes, port);
  REQUIRE(all.size() == 1);
  return all.front();
}

ExecutedFile executed_here() {
  const auto process = Process::open(::getpid());
  REQUIRE(process.has_value());
  return process->executed().value_or(ExecutedFile{});
}

// What the agent does with a stray listener; the number of the first step that failed.
int act_against(LinuxSockets& sockets, std::uint16_t port) {
  const auto all = sockets.listeners(Transport::tcp);
  if (!all.ok()) return 2;
  for (const Listener& listener : *all) {
    if (listener.local.port != port) continue;
    const auto holders = sockets.holders({&listener, 1});
    if (!holders.ok() || holders->size() != 1) return 3;
    const auto sessions = sockets.has_sessions(holders->front().second);
    if (!sessions.ok() || *sessions) return 4;
    if (!sockets.destroy(listener).ok()) return 5;
    return sockets.terminate(holders->front().second, listener).ok() ? 0 : 6;
  }
  return 7;
}

}  // namespace

TEST_CASE("what listens is seen with its address, owner and inode, and by nothing else") {
  REEVE_NEEDS_NAMESPACES("real listeners");
  const auto sockets = opened();
  CHECK(sockets->is_here());
  const Fd tcp = listening_at({Transport::tcp, "0.0.0.0"});
  const Fd udp = listening_at({Transport::udp, "::1"});
  const Listener one = only_listener_at(*sockets, port_of(tcp));
  CHECK(object_of(one) == fmt::format("tcp 0.0.0.0:{}", port_of(tcp)));
  CHECK(one.inode == inode_of(tcp));
  CHECK(one.uid == geteuid());
  CHECK(one.cookie != 0);
  const Listener other = only_listener_at(*sockets, port_of(udp));
  CHECK(object_of(other) == fmt::format("udp [::1]:{}", port_of(udp)));
  CHECK(other.inode == inode_of(udp));
  // Connected sockets of either kind are no listeners.
  const Fd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const Listener again = only_listener_at(*sockets, port_of(tcp));
  CHECK(again == one);
}

TEST_CASE("IPv6 alone, mapped IPv4 and both families are told apart") {
  REEVE_NEEDS_NAMESPACES("families of real listeners");
  const auto sockets = opened();
  const Fd both = listening_at({Transport::tcp, "::"});
  const Fd alone = listening_at({Transport::tcp, "::"}, Sharing::alone, Families::ipv6_only);
  const Fd mapped = listening_at({Transport::tcp, "::ffff:127.0.0.1"});
  CHECK_FALSE(only_listener_at(*sockets, port_of(both)).is_ipv6_only);
  CHECK(only_listener_at(*sockets, port_of(alone)).is_ipv6_only);
  CHECK(object_of(only_listener_at(*sockets, port_of(mapped))) ==
        fmt::format("tcp [::ffff:127.0.0.1]:{}", port_of(mapped)));
}

TEST_CASE("a socket that is bound to an interface says so") {
  REEVE_NEEDS_NAMESPACES("a listener on one interface");
  const auto sockets = opened();
  Fd bound(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(::setsockopt(bound.get(), SOL_SOCKET, SO_BINDTODEVICE, "lo", 3) == 0);
  REQUIRE(::listen(bound.get(), 1) == 0);
  const Listener listener = only_listener_at(*sockets, port_of(bound));
  CHECK(listener.interface == 1);
  CHECK(sockets->destroy(listener).ok());
  CHECK(listeners_at(*sockets, port_of(bound)).empty());
}

TEST_CASE("exactly the socket that was named is destroyed") {
  REEVE_NEEDS_NAMESPACES("destroying real listeners");
  const auto sockets = opened();
  for (const char* address : {"127.0.0.1", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1"}) {
    CAPTURE(address);
    const Fd meant = listening_at({Transport::tcp, address});
    const Fd neighbour = listening_at({Transport::tcp, address});
    const Listener listener = only_listener_at(*sockets, port_of(meant));
    CHECK(sockets->destroy(listener).ok());
    CHECK(listeners_at(*sockets, port_of(meant)).empty());
    CHECK(listeners_at(*sockets, port_of(neighbour)).size() == 1);
    const auto again = sockets->destroy(listener);
    REQUIRE_FALSE(again.ok());
    CHECK(again.error().name == "object_changed");
  }
}

TEST_CASE("each member of a group that shares a port can be destroyed alone") {
  REEVE_NEEDS_NAMESPACES("groups of SO_REUSEPORT");
  const auto sockets = opened();
  for (const char* address : {"0.0.0.0", "::"}) {
    std::vector<Fd> group;
    group.push_back(listening_at({Transport::tcp, address}, Sharing::reuse_port));
    const auto port = port_of(group.front());
    for (int i = 1; i < 20; ++i)
      group.push_back(listening_at({Transport::tcp, address, port}, Sharing::reuse_port));
    auto members = listeners_at(*sockets, port);
    REQUIRE(members.size() == group.size());
    while (!members.empty()) {
      const Listener meant = members.back();
      members.pop_back();
      REQUIRE(sockets->destroy(meant).ok());
      REQUIRE(listeners_at(*sockets, port) == members);
    }
  }
}

TEST_CASE("a UDP socket is not destroyed") {
  REEVE_NEEDS_NAMESPACES("a real UDP socket");
  const auto sockets = opened();
  const Fd udp = listening_at({Transport::udp, "127.0.0.1"});
  const auto refused = sockets->destroy(only_listener_at(*sockets, port_of(udp)));
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().name == "fix_failed");
  CHECK(listeners_at(*sockets, port_of(udp)).size() == 1);
}

TEST_CASE("a destroyed socket that listens again is another appearance of the same") {
  REEVE_NEEDS_NAMESPACES("a listener that comes back");
  const auto sockets = opened();
  const Fd socket = listening_at({Transport::tcp, "127.0.0.1"});
  const auto port = port_of(socket);
  const Listener before = only_listener_at(*sockets, port);
  REQUIRE(sockets->destroy(before).ok());
  CHECK(listeners_at(*sockets, port).empty());
  REQUIRE(::listen(socket.get(), 1) == 0);
  const auto back = sockets->listeners(Transport::tcp);
  REQUIRE(back.ok());
  const auto again =
      std::ranges::find(*back, before.cookie, [](const Listener& one) { return one.cookie; });
  REQUIRE(again != back->end());
  CHECK(again->appearance > before.appearance);
  // A look at the other transport has not looked for it.
  REQUIRE(sockets->listeners(Transport::udp).ok());
  CHECK(sockets->listeners(Transport::tcp).value() == *back);
  CHECK(sockets->destroy(*again).ok());
}

TEST_CASE("every holder is seen, however it came to the socket") {
  REEVE_NEEDS_NAMESPACES("holders of real listeners");
  const auto sockets = opened();
  const Fd socket = listening_at({Transport::tcp, "127.0.0.1"});
  const Listener listener = only_listener_at(*sockets, port_of(socket));
  std::array<int, 2> pair{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair.data()) == 0);
  const Fd mine(pair[0]), theirs(pair[1]);
  const auto close_inherited = [&] { ::close(socket.get()); };
  TestProcess forked;
  forked.start([&] { forked.pause_ready(); });
  TestProcess handed;
  handed.start([&] {
    close_inherited();
    if (receive_descriptor(theirs.get()) >= 0) handed.pause_ready();
  });
  send_descriptor(mine.get(), socket.get());
  TestProcess hiding;  // in a thread with a table of its own; the main thread has ended
  hiding.start([&] {
    std::promise<void> has_own_table;
    std::promise<void> is_closed;
    std::thread([&] {
      if (::unshare(CLONE_FILES) != 0) ::_exit(98);
      has_own_table.set_value();
      is_closed.get_future().wait();
      hiding.pause_ready();
    }).detach();
    has_own_table.get_future().wait();
    close_inherited();
    is_closed.set_value();
    ::syscall(SYS_exit, 0);
  });
  TestProcess empty;
  empty.start([&] {
    close_inherited();
    empty.pause_ready();
  });
  for (TestProcess* child : {&forked, &handed, &hiding, &empty}) child->wait_until_ready();
  std::vector<std::uint64_t> pids;
  for (const Holder& holder : holders_of(*sockets, listener)) {
    pids.push_back(holder.pid);
    CHECK(holder.start_ticks > 0);
    CHECK(holder.uid == geteuid());
    CHECK(holder.inode == executed_here().inode);
    CHECK(holder.device == executed_here().device);
    CHECK(holder.command.find("sockets_test") != std::string::npos);
  }
  std::ranges::sort(pids);
  std::vector<std::uint64_t> expected;
  for (pid_t pid : {::getpid(), forked.pid(), handed.pid(), hiding.pid()})
    expected.push_back(static_cast<std::uint64_t>(pid));
  std::ranges::sort(expected);
  CAPTURE(fmt::format("{}", fmt::join(pids, " ")));
  CAPTURE(fmt::format("{}", fmt::join(expected, " ")));
  CHECK(pids == expected);
}

TEST_CASE("a socket without a listener's inode has no holder, and none is asked for none") {
  REEVE_NEEDS_NAMESPACES("holders of nothing");
  const auto sockets = opened();
  Listener none;
  none.inode = UINT64_MAX;
  CHECK(holders_of(*sockets, none).empty());
  const auto nobody = sockets->holders({});
  CHECK((nobody.ok() && nobody->empty()));
}

TEST_CASE("only the process that was meant is ended") {
  REEVE_NEEDS_NAMESPACES("ending a real process");
  const auto sockets = opened();
  TestProcess stray;
  const Place place{Transport::udp, "127.0.0.1", 4444};
  stray.start([&] {
    const Fd socket = listening_at(place);
    stray.execute_holding(socket.get(), "/usr/bin/sleep");
  });
  stray.wait_until_executed();
  const Listener listener = only_listener_at(*sockets, place.port);
  const auto holders = holders_of(*sockets, listener);
  REQUIRE(holders.size() == 1);
  Holder other = holders[0];
  other.start_ticks += 1;
  const auto refused = sockets->terminate(other, listener);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().name == "object_changed");
  Listener elsewhere = listener;
  elsewhere.inode += 1'000'000;
  const auto not_held = sockets->terminate(holders[0], elsewhere);
  REQUIRE_FALSE(not_held.ok());
  CHECK(not_held.error().name == "object_changed");
  CHECK(stray.is_running());
  CHECK(sockets->terminate(holders[0], listener).ok());
  CHECK(stray.wait() == -1);
  CHECK(listeners_at(*sockets, place.port).empty());
  const auto gone = sockets->terminate(holders[0], listener);
  REQUIRE_FALSE(gone.ok());
  CHECK(gone.error().name == "object_changed");
}

TEST_CASE("neither the first process, a kernel's thread nor Reeve itself is ended") {
  REEVE_NEEDS_NAMESPACES("refusing to end real processes");
  const auto sockets = opened();
  const Fd socket = listening_at({Transport::tcp, "127.0.0.1"});
  const Listener listener = only_listener_at(*sockets, port_of(socket));
  std::vector<pid_t> never{1, 2, ::getpid(), ::getppid()};
  TestProcess same_program;
  same_program.start([&] { same_program.pause_ready(); });
  same_program.wait_until_ready();
  never.push_back(same_program.pid());
  for (const pid_t pid : never) {
    CAPTURE(pid);
    const auto process = Process::open(pid);
    if (!process || !process->facts()) continue;
    Holder holder;
    holder.pid = static_cast<std::uint64_t>(pid);
    holder.start_ticks = process->facts()->start_ticks;
    const auto refused = sockets->terminate(holder, listener);
    REQUIRE_FALSE(refused.ok());
    const bool is_named =
        refused.error().name == "not_allowed" || refused.error().name == "object_changed";
    CHECK(is_named);
    if (pid != ::getppid()) CHECK(refused.error().name == "not_allowed");
  }
  CHECK(same_program.is_running());
}

TEST_CASE("a process has sessions while it or one below it has a connection") {
  REEVE_NEEDS_NAMESPACES("sessions over real connections");
  const auto sockets = opened();
  const Fd server = listening_at({Transport::tcp, "127.0.0.1"});
  TestProcess daemon;
  const Place place{Transport::tcp, "127.0.0.1", port_of(server)};
  Fd accepted;
  daemon.start([&] {
    ::close(server.get());
    TestProcess session;
    session.start([&] {
      const Fd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      if (connect_to(client, place)) session.pause_ready();
    });
    session.wait_until_ready();
    daemon.pause_ready();
  });
  daemon.wait_until_ready();
  Holder holder;
  holder.pid = static_cast<std::uint64_t>(daemon.pid());
  const auto has = sockets->has_sessions(holder);
  REQUIRE(has.ok());
  CHECK(*has);
  TestProcess idle;
  idle.start([&] { idle.pause_ready(); });
  idle.wait_until_ready();
  holder.pid = static_cast<std::uint64_t>(idle.pid());
  const auto has_not = sockets->has_sessions(holder);
  REQUIRE(has_not.ok());
  CHECK_FALSE(*has_not);
}

TEST_CASE("a program that wears another's path in a mount namespace of its own is not believed") {
  REEVE_NEEDS_NAMESPACES("a dressed-up program");
  const auto sockets = opened();
  const Fd socket = listening_at({Transport::tcp, "127.0.0.1"});
  REQUIRE(::fcntl(socket.get(), F_SETFD, 0) == 0);
  const Listener listener = only_listener_at(*sockets, port_of(socket));
  TestProcess honest;
  honest.start([&] { honest.execute("/usr/bin/sleep"); });
  const OwnProgram coat("/usr/bin/sleep");
  TestProcess dressed;
  dressed.start([&] {
    if (const int failed = wear(coat.path().c_str(), "/usr/bin/sleep"); failed != 0)
      ::_exit(failed);
    dressed.execute("/usr/bin/sleep");
  });
  honest.wait_until_executed();
  dressed.wait_until_executed();
  if (!dressed.is_running() && dressed.wait() == no_mount_namespace) {
    fmt::print("SKIP a dressed-up program: no mount namespace can be made by an ordinary user\n");
    return;
  }
  struct stat sleep_facts {};
  REQUIRE(::stat("/usr/bin/sleep", &sleep_facts) == 0);
  std::size_t seen = 0;
  for (const Holder& holder : holders_of(*sockets, listener)) {
    const bool is_sleep = holder.device == sleep_facts.st_dev && holder.inode == sleep_facts.st_ino;
    if (holder.pid == static_cast<std::uint64_t>(honest.pid())) {
      CHECK(is_sleep);
      ++seen;
    }
    if (holder.pid == static_cast<std::uint64_t>(dressed.pid())) {
      CHECK(holder.program == "/usr/bin/sleep");  // what a path would have been taken for
      CHECK_FALSE(is_sleep);
      ++seen;
    }
  }
  CHECK(seen == 2);
}

TEST_CASE("a program whose file was removed is told by where it stood, on our mounts only") {
  REEVE_NEEDS_NAMESPACES("a removed program");
  const auto sockets = opened();
  const Fd socket = listening_at({Transport::tcp, "127.0.0.1"});
  REQUIRE(::fcntl(socket.get(), F_SETFD, 0) == 0);
  const Listener listener = only_listener_at(*sockets, port_of(socket));
  TestProcess honest;
  TestProcess dressed;
  std::string path;
  {
    const OwnProgram program("/usr/bin/sleep");
    path = program.path();
    honest.start([&] { honest.execute(path.c_str()); });
    dressed.start([&] { ::_exit(run_removed("/bin/sleep", "/usr/sbin/reeve-no-such-daemon")); });
    honest.wait_until_executed();
    dressed.wait_until_executed();
  }
  if (!dressed.is_running() && dressed.wait() == no_mount_namespace) {
    fmt::print("SKIP a removed program: no mount namespace can be made by an ordinary user\n");
    return;
  }
  CHECK(dressed.is_running());
  std::size_t seen = 0;
  for (const Holder& holder : holders_of(*sockets, listener)) {
    if (holder.pid == static_cast<std::uint64_t>(honest.pid())) {
      CHECK(holder.replaced == path);
      ++seen;
    }
    if (holder.pid == static_cast<std::uint64_t>(dressed.pid())) {
      CHECK(holder.program == "/usr/sbin/reeve-no-such-daemon (deleted)");
      CHECK(holder.replaced.empty());
      ++seen;
    }
  }
  CHECK(seen == 2);
}

TEST_CASE("all of it works inside the deciding process's sandbox") {
  REEVE_NEEDS_NAMESPACES("sockets inside the sandbox");
  TestProcess stray;
  const Place tcp{Transport::tcp, "127.0.0.1", 4445};
  stray.start([&] {
    const Fd socket = listening_at(tcp);
    stray.execute_holding(socket.get(), "/usr/bin/sleep");
  });
  stray.wait_until_executed();
  TestProcess launcher;  // its other children would be taken for the courier
  launcher.start([&] {
    TestProcess agent;
    agent.start([&] {
      const auto sockets = LinuxSockets::open();
      if (!sockets.ok() || !seal_deciding_process().ok()) ::_exit(1);
      ::_exit(act_against(**sockets, tcp.port));
    });
    ::_exit(agent.wait());
  });
  CHECK(launcher.wait() == 0);
  CHECK(stray.wait() == -1);
}

}  // namespace reeve
