// The real reeve-courier between a test that plays the agent over the pair and a real ZmqServer.
// One thread turns both; every wait ends with what it waits for.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>

#include "agent/courier_user.h"
#include "common/clock.h"
#include "common/fd.h"
#include "common/limits.h"
#include "common/link/zmq_link.h"
#include "common/wire.h"

namespace reeve {
namespace {

constexpr std::int64_t patience_ns = 60'000'000'000;
constexpr std::int64_t slice_ns = 10'000'000;

// An empty directory of the test's own, gone at the end.
struct EmptyRoot {
  EmptyRoot() : path("/tmp/reeve-courier-root-XXXXXX") { REQUIRE(mkdtemp(path.data()) != nullptr); }
  ~EmptyRoot() { rmdir(path.c_str()); }
  std::string path;
};

struct Courier {
  Courier(const std::string& user, const std::string& root) {
    std::array<int, 2> ends{};
    REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) == 0);
    pair = Fd(ends[0]);
    const Fd theirs(ends[1]);
    pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
      const int null = open("/dev/null", O_RDWR);
      dup2(null, 0);
      dup2(null, 1);
      dup2(theirs.get(), 3);
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      execl(COURIER, "reeve-courier", user.c_str(), root.c_str(), nullptr);
      _exit(127);
    }
  }
  ~Courier() {
    if (pid <= 0) return;
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
  }

  bool give(ByteView message) const {
    return send(pair.get(), message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
  }
  std::optional<Bytes> take() {
    Bytes message(limits::message_bytes_max);
    const ssize_t got = recv(pair.get(), message.data(), message.size(), MSG_DONTWAIT);
    gone = got == 0;
    if (got <= 0) return std::nullopt;
    message.resize(static_cast<std::size_t>(got));
    return message;
  }
  int exit_status() {
    int status = 0;
    waitpid(pid, &status, 0);
    pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  // A line of /proc/PID/status, without its name and blanks.
  std::string status_line(const std::string& name) const {
    const Fd file(open(fmt::format("/proc/{}/status", pid).c_str(), O_RDONLY | O_CLOEXEC));
    std::string text(8'192, '\0');
    const ssize_t got = read(file.get(), text.data(), text.size());
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    const std::size_t start = text.find("\n" + name + ":");
    if (start == std::string::npos) return "";
    const std::size_t value = text.find_first_not_of(" \t", start + name.size() + 2);
    return text.substr(value, text.find_first_of("\n\t ", value) - value);
  }

  pid_t pid = 0;
  Fd pair;
  bool gone = false;  // it has closed its end
};

struct Fixture {
  explicit Fixture(const std::string& user = "same") : courier(user, root.path) {
    auto created = ZmqServer::create(
        controller.secret, {{"tcp://127.0.0.1:0", "nodes", [this](const TransportKey& key) {
                               return admitting && key == node.public_key;
                             }}});
    REQUIRE(created.ok());
    server = std::move(*created);
    address = server->bound_address(0);
  }

  void configure() const {
    const CourierConfig config{controller.public_key, node.public_key, Secret(node.secret.bytes()),
                               address};
    REQUIRE(courier.give(encode_message(MessageType::configure, encode_courier_config(config))));
  }
  bool until(const std::function<bool()>& done) const {
    const SystemClock clock;
    const std::int64_t end = clock.monotonic_ns() + patience_ns;
    while (!done()) {
      if (courier.gone || clock.monotonic_ns() > end) return false;
      server->wait(slice_ns, courier.pair.get());
    }
    return true;
  }
  Bytes to_agent() {
    std::optional<Bytes> got;
    REQUIRE(until([&] { return (got = courier.take()).has_value(); }));
    return *got;
  }
  Bytes to_controller() const {
    std::optional<ServerLink::Incoming> got;
    REQUIRE(until([&] { return (got = server->endpoint(0).receive()).has_value(); }));
    return got->message;
  }
  void connect() {
    configure();
    REQUIRE(to_agent()[4] == 0);  // link_state: sealed, not connected
    REQUIRE(to_agent()[4] == 1);
  }

  EmptyRoot root;
  TransportKeyPair controller = generate_transport_keys();
  TransportKeyPair node = generate_transport_keys();
  bool admitting = true;
  std::unique_ptr<ZmqServer> server;
  std::string address;
  Courier courier;
};

Bytes message(MessageType type, std::string_view text) {
  return encode_message(type, view_of(text));
}

Bytes link_state(std::uint8_t up, std::uint8_t full) {
  return encode_message(MessageType::link_state, std::array<std::uint8_t, 2>{up, full});
}

TEST_CASE("the courier says that it is down, then up, and carries messages both ways unchanged") {
  Fixture f;
  f.configure();
  CHECK(f.to_agent() == link_state(0, 0));
  CHECK(f.to_agent() == link_state(1, 0));
  for (const auto type : {MessageType::heartbeat, MessageType::batch, MessageType::fetch}) {
    const Bytes out = message(type, "outward");
    REQUIRE(f.courier.give(out));
    CHECK(f.to_controller() == out);
  }
  for (const auto type : {MessageType::acknowledgement, MessageType::root, MessageType::manifest,
                          MessageType::chunk}) {
    const Bytes in = message(type, "inward");
    REQUIRE(f.server->endpoint(0).send(f.node.public_key, in));
    CHECK(f.to_agent() == in);
  }
}

TEST_CASE("what does not belong on a network, and what may not come from one, is dropped") {
  Fixture f;
  f.connect();
  for (const auto& bad :
       {message(MessageType::configure, "secret"), message(MessageType::link_state, "1"),
        message(MessageType::acknowledgement, "a"), bytes_of("RV1\x55"), bytes_of("x")}) {
    REQUIRE(f.courier.give(bad));
  }
  const Bytes marker = message(MessageType::heartbeat, "after them");
  REQUIRE(f.courier.give(marker));
  CHECK(f.to_controller() == marker);
  for (const auto& bad :
       {message(MessageType::configure, "other keys"), message(MessageType::link_state, "1"),
        message(MessageType::batch, "b"), bytes_of("RV2\x11"), bytes_of("x")}) {
    REQUIRE(f.server->endpoint(0).send(f.node.public_key, bad));
  }
  const Bytes answer = message(MessageType::manifest, "after them");
  REQUIRE(f.server->endpoint(0).send(f.node.public_key, answer));
  CHECK(f.to_agent() == answer);
}

TEST_CASE("the largest messages pass in both directions, many of them, in order") {
  Fixture f;
  f.connect();
  Bytes largest = message(MessageType::batch, std::string(limits::message_bytes_max - 4, 'x'));
  constexpr std::uint8_t count = 100;
  std::uint8_t given = 0;
  std::uint8_t arrived = 0;
  REQUIRE(f.until([&] {
    for (; given < count; ++given) {
      largest.back() = given;
      if (!f.courier.give(largest)) break;
    }
    while (const auto got = f.server->endpoint(0).receive()) {
      REQUIRE(got->message.size() == largest.size());
      REQUIRE(got->message.back() == arrived++);
    }
    return arrived == count;
  }));
}

TEST_CASE("without a network the agent meets a full socket, and nothing taken is lost") {
  Fixture f;
  f.admitting = false;
  f.configure();
  REQUIRE(f.to_agent() == link_state(0, 0));
  const Bytes batch = message(MessageType::batch, std::string(limits::batch_bytes_max, 'x'));
  std::size_t taken = 0;
  while (f.courier.give(batch)) REQUIRE(++taken < 1'000);
  f.admitting = true;
  REQUIRE(f.to_agent() == link_state(1, 0));
  std::size_t arrived = 0;
  CHECK(f.until([&] {
    while (f.server->endpoint(0).receive()) ++arrived;
    return arrived == taken;
  }));
}

TEST_CASE("losing the controller is told, and so is finding it again") {
  Fixture f;
  f.connect();
  const auto admits = [&](const TransportKey& key) { return key == f.node.public_key; };
  f.server.reset();
  auto again = ZmqServer::create(f.controller.secret, {{f.address, "nodes", admits}});
  REQUIRE(again.ok());
  f.server = std::move(*again);
  CHECK(f.to_agent() == link_state(0, 0));
  CHECK(f.to_agent() == link_state(1, 0));
}

TEST_CASE("the courier ends when the agent's end closes, connected or not, configured or not") {
  SUBCASE("connected") {
    Fixture f;
    f.connect();
    f.courier.pair = Fd();
    CHECK(f.courier.exit_status() == 0);
  }
  SUBCASE("not connected") {
    Fixture f;
    f.admitting = false;
    f.configure();
    REQUIRE(f.to_agent() == link_state(0, 0));
    f.courier.pair = Fd();
    CHECK(f.courier.exit_status() == 0);
  }
  SUBCASE("not configured") {
    Fixture f;
    f.courier.pair = Fd();
    CHECK(f.courier.exit_status() == 0);
  }
}

TEST_CASE("a courier that cannot start says so by its exit status") {
  SUBCASE("a first message that is no configuration") {
    Fixture f;
    REQUIRE(f.courier.give(message(MessageType::heartbeat, "x")));
    CHECK(f.courier.exit_status() == 1);
  }
  SUBCASE("a configuration that is cut short") {
    Fixture f;
    REQUIRE(f.courier.give(message(MessageType::configure, "short")));
    CHECK(f.courier.exit_status() == 1);
  }
  SUBCASE("a name that nobody knows") {
    Fixture f;
    f.address = "tcp://no-such-host.invalid:4510";
    f.configure();
    CHECK(f.courier.exit_status() == 1);
  }
  SUBCASE("a user that does not exist") {
    Fixture f("no-such-user-here");
    f.configure();
    CHECK(f.courier.exit_status() == 1);
  }
}

TEST_CASE("a running courier has no capability, no new privileges and a filter") {
  Fixture f;
  f.connect();
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapAmb"}) {
    CAPTURE(set);
    CHECK(f.courier.status_line(set) == "0000000000000000");
  }
  CHECK(f.courier.status_line("NoNewPrivs") == "1");
  CHECK(f.courier.status_line("Seccomp") == "2");
}

// A user namespace that maps one user only cannot become another, and neither can an ordinary user.
bool can_become(const UserIds& ids) {
  const pid_t pid = fork();
  if (pid == 0) {
    const bool done = setgroups(0, nullptr) == 0 &&
                      setresgid(ids.group, ids.group, ids.group) == 0 &&
                      setresuid(ids.user, ids.user, ids.user) == 0;
    _exit(done ? 0 : 1);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return status == 0;
}

TEST_CASE("as another user the courier is fully isolated, in an empty root") {
  const auto nobody = find_courier_user("nobody");
  REQUIRE(nobody.ok());
  if (!can_become(*nobody)) {
    fmt::print("SKIP a courier as another user: this test may not change its user\n");
    return;
  }
  Fixture f("nobody");
  f.configure();
  CHECK(f.to_agent() == link_state(0, 1));
  CHECK(f.to_agent() == link_state(1, 1));
  CHECK(f.courier.status_line("Uid") == fmt::format("{}", nobody->user));
  CHECK(f.courier.status_line("CapBnd") == "0000000000000000");
  std::string target(256, '\0');
  const auto link = fmt::format("/proc/{}/root", f.courier.pid);
  const ssize_t length = readlink(link.c_str(), target.data(), target.size());
  REQUIRE(length > 0);
  CHECK(target.substr(0, static_cast<std::size_t>(length)) == f.root.path);
}

TEST_CASE("a root directory that is not empty, or that others may write, is refused") {
  const auto nobody = find_courier_user("nobody");
  REQUIRE(nobody.ok());
  if (!can_become(*nobody)) {
    fmt::print("SKIP a courier's root refused: this test may not change its user\n");
    return;
  }
  Fixture f("nobody");
  const std::string inside = f.root.path + "/inside";
  SUBCASE("not empty") { REQUIRE(mkdir(inside.c_str(), 0700) == 0); }
  SUBCASE("others may write") { REQUIRE(chmod(f.root.path.c_str(), 0777) == 0); }
  SUBCASE("not there") { REQUIRE(rmdir(f.root.path.c_str()) == 0); }
  f.configure();
  CHECK(f.courier.exit_status() == 1);
  rmdir(inside.c_str());
}

}  // namespace
}  // namespace reeve
