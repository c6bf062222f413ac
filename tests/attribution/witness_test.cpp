#include "agent/attribution/witness.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cstring>
#include <functional>
#include <map>

#include "agent/attribution/words.h"
#include "tests/fakes/fake_clock.h"

namespace reeve {
namespace {

class FakeTable final : public ExecTable {
 public:
  Result<std::optional<reeve_exec>> find(std::uint32_t pid) const override {
    if (is_broken) return Error{"attribution_failed", "no"};
    const auto found = execs.find(pid);
    return found == execs.end() ? std::optional<reeve_exec>() : std::optional(found->second);
  }
  std::map<std::uint32_t, reeve_exec> execs;
  bool is_broken = false;
};

class FakeLive final : public LiveProcesses {
 public:
  std::optional<LiveProcess> look(std::uint64_t pid) override {
    if (on_look) on_look();
    const auto found = processes.find(pid);
    return found == processes.end() ? std::optional<LiveProcess>() : std::optional(found->second);
  }
  std::map<std::uint64_t, LiveProcess> processes;
  std::function<void()> on_look;
};

template <std::size_t Parts, std::size_t Bytes>
std::uint32_t write_path(char (&parts)[Parts][Bytes], std::string_view path) {
  std::uint32_t count = 0;
  while (!path.empty()) {
    const auto slash = path.rfind('/');
    std::memcpy(parts[count++], path.data() + slash + 1, path.size() - slash - 1);
    path = path.substr(0, slash);
  }
  return count;
}

// Of a file that is there, by its true inode and mount.
reeve_exec exec_of(const char* path, std::int64_t time_ns) {
  reeve_exec out{};
  struct statx found {};
  REQUIRE(::statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_INO | STATX_MNT_ID, &found) == 0);
  out.time_ns = static_cast<std::uint64_t>(time_ns);
  out.start_ns = 7;
  out.inode = found.stx_ino;
  out.mount = static_cast<std::uint32_t>(found.stx_mnt_id);
  out.login = out.session = UINT32_MAX;
  out.path_parts = write_path(out.path, path);
  return out;
}

struct Scene {
  Scene() {
    auto owned = std::make_unique<FakeTable>();
    table = owned.get();
    witness = std::make_unique<ExecWitness>(std::move(owned), live, clock);
    read();
  }
  // One more read of the queue, long after the one before.
  void read() {
    clock.advance(1'000'000);
    witness->before_read();
    clock.advance(1'000);
    witness->after_read(Actors::Backlog::none);
  }
  std::int64_t now() const { return clock.monotonic_ns(); }

  FakeClock clock;
  FakeLive live;
  FakeTable* table = nullptr;
  std::unique_ptr<ExecWitness> witness;
};

LiveProcess daemon(std::int64_t began_before_ns) {
  LiveProcess out;
  out.began_before_ns = began_before_ns;
  out.cause.pid = 42;
  out.cause.program = "/usr/sbin/daemon";
  return out;
}

bool is_only_number(const Cause& cause) {
  Cause expected;
  expected.pid = 42;
  return cause == expected;
}

}  // namespace

TEST_CASE("an exec that was over before the read began is behind what was read") {
  Scene scene;
  scene.table->execs[42] = exec_of("/usr/bin/env", scene.now());
  scene.read();
  const Cause cause = scene.witness->who(42);
  CHECK(cause.confidence == Confidence::certain);
  CHECK(cause.program == "/usr/bin/env");
  CHECK(cause.pid == 42);
  CHECK_FALSE(cause.login_uid.has_value());
}

TEST_CASE("an exec during or after the read is not behind what was read") {
  Scene scene;
  scene.read();
  for (const std::int64_t late : {-1'000, 0, 500, 1'000'000}) {
    scene.table->execs[42] = exec_of("/usr/bin/env", scene.now() + late);
    CHECK(is_only_number(scene.witness->who(42)));
  }
}

TEST_CASE("an exec at which something by that number waited names nobody") {
  Scene scene;
  scene.table->execs[42] = exec_of("/usr/bin/env", scene.now());
  scene.table->execs[42].flags = reeve_flag_pending;
  scene.read();
  CHECK(is_only_number(scene.witness->who(42)));
}

TEST_CASE("a path that leads elsewhere for us is never certain") {
  Scene scene;
  scene.table->execs[42] = exec_of("/usr/bin/env", scene.now());
  scene.read();
  reeve_exec& exec = scene.table->execs[42];
  exec.flags = reeve_flag_elsewhere;
  CHECK(scene.witness->who(42).confidence == Confidence::likely);
  CHECK(scene.witness->who(42).is_elsewhere);
  exec.flags = 0;
  exec.inode += 1;
  CHECK(scene.witness->who(42).confidence == Confidence::likely);
  exec.inode -= 1;
  exec.mount += 1;
  CHECK(scene.witness->who(42).confidence == Confidence::likely);
  exec.mount -= 1;
  for (const std::uint32_t flag : {reeve_flag_removed, reeve_flag_cut}) {
    exec.flags = flag;
    CHECK(scene.witness->who(42).confidence == Confidence::likely);
  }
  exec.flags = 0;
  exec.path_parts = write_path(exec.path, "/no/such/file");
  CHECK(scene.witness->who(42).confidence == Confidence::likely);
}

TEST_CASE("a process that is older than all that waited is what proc shows and never certain") {
  Scene scene;
  scene.live.processes[42] = daemon(scene.now() - 10'000'000);
  scene.read();
  const Cause cause = scene.witness->who(42);
  CHECK(cause.confidence == Confidence::likely);
  CHECK(cause.program == "/usr/sbin/daemon");
}

TEST_CASE("a process that may have got its number after the act is not blamed") {
  Scene scene;
  scene.live.processes[42] = daemon(scene.now());
  scene.read();
  CHECK(is_only_number(scene.witness->who(42)));
  // What a read left behind is older than the read after it.
  scene.witness->before_read();
  scene.witness->after_read(Actors::Backlog::some);
  scene.live.processes[42] = daemon(scene.now() - 100);
  scene.read();
  CHECK(is_only_number(scene.witness->who(42)));
}

TEST_CASE("a process that execs while proc is looked at is not blamed") {
  Scene scene;
  scene.live.processes[42] = daemon(scene.now() - 10'000'000);
  scene.read();
  scene.live.on_look = [&] { scene.table->execs[42] = exec_of("/usr/bin/env", scene.now()); };
  CHECK(is_only_number(scene.witness->who(42)));
}

TEST_CASE("without a table nothing is certain and one that is broken names nobody") {
  Scene scene;
  scene.live.processes[42] = daemon(scene.now() - 10'000'000);
  scene.read();
  scene.table->is_broken = true;
  CHECK(is_only_number(scene.witness->who(42)));
  ExecWitness blind(nullptr, scene.live, scene.clock);
  scene.clock.advance(1'000);
  blind.before_read();
  CHECK(blind.who(42).confidence == Confidence::likely);
}

TEST_CASE("secrets are taken out of command lines") {
  using namespace std::string_literals;
  const auto hidden = [](std::string words) {
    for (char& one : words)
      if (one == ' ') one = '\0';
    return redacted(words);
  };
  CHECK(hidden("chmod 666 /etc/x") == "chmod 666 /etc/x");
  CHECK(hidden("mysql --password=abc -u root") == "mysql --password=*** -u root");
  CHECK(hidden("tool --password abc next") == "tool --password *** next");
  CHECK(hidden("tool --api-token abc") == "tool --api-token ***");
  CHECK(hidden("env DB_PASSWORD=abc run") == "env DB_PASSWORD=*** run");
  CHECK(hidden("curl https://anna:abc@host/x") == "curl https://anna:***@host/x");
  CHECK(hidden("curl http://host:80/x@y") == "curl http://host:80/x@y");
  CHECK(hidden("curl -H Authorization:abc") == "curl -H Authorization:***");
  CHECK(redacted("sh\0-c\0A=1 mysql --password=x -u root"s) ==
        "sh -c A=1 mysql --password=*** -u root");
  CHECK(redacted("sh\0-c\0foo --password x; bar"s) == "sh -c foo --password ***; bar");
  CHECK(redacted("sh\0-c\0foo --password -x"s) == "sh -c foo --password ***");
  CHECK(redacted("curl\0-HAuthorization: Bearer abc\0url"s) == "curl -HAuthorization:*** url");
  CHECK(redacted("curl\0--header=Authorization: Bearer abc"s) == "curl --header=Authorization:***");
  CHECK(redacted("tool\0a=b:token=c"s) == "tool a=b:token=***");
  CHECK(redacted(std::string("curl\0-H\0Authorization: Bearer abc\0", 34)) ==
        "curl -H Authorization:***");
}

}  // namespace reeve
