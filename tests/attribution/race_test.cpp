// The kernel itself: a process acts and ends, and its number is given to one that runs another
// program, in every order of that and of the look. Takes root, BPF and a settable last number.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <map>

#include "agent/attribution/live_processes.h"
#include "agent/sensors/fanotify_queue.h"
#include "tests/fakes/temporary_directory.h"

namespace reeve {
namespace {

std::size_t tries() { return std::getenv("REEVE_TEST_LONG") != nullptr ? 10'000 : 300; }

// Asks that the next process is given this number; it is, unless somebody was faster.
bool ask_for_number(pid_t number) {
  const Fd last(::open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC));
  const std::string text = std::to_string(number - 1);
  return last.is_open() && ::write(last.get(), text.data(), text.size()) > 0;
}

pid_t act_and_end(const std::string& path, mode_t mode) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(::chmod(path.c_str(), mode) == 0 ? 0 : 1);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(status == 0);
  return child;
}

// Runs until its input is closed.
struct Successor {
  pid_t pid = 0;
  Fd input;
};

Successor run_cat() {
  std::array<int, 2> pipe{};
  REQUIRE(::pipe2(pipe.data(), O_CLOEXEC) == 0);
  Fd read(pipe[0]);
  Successor out{::fork(), Fd(pipe[1])};
  if (out.pid == 0) {
    ::dup2(read.get(), 0);
    ::execl("/bin/cat", "cat", nullptr);
    ::_exit(127);
  }
  return out;
}

void end(Successor& one) {
  one.input = Fd();
  REQUIRE(::waitpid(one.pid, nullptr, 0) == one.pid);
}

struct Scene {
  Scene() {
    auto opened = FanotifyQueue::open();
    if (!opened.ok()) return;
    queue = std::move(*opened);
    auto table = KernelExecTable::load({REEVE_PROBE}, queue->group_fd());
    if (!table.ok()) return;
    witness = std::make_unique<ExecWitness>(std::move(*table), live, clock);
  }
  std::vector<DirectoryEvent> read() {
    witness->before_read();
    auto out = queue->read();
    witness->after_read(Actors::Backlog::none);
    return out;
  }

  const SystemClock clock;
  ProcProcesses live{clock};
  std::unique_ptr<FanotifyQueue> queue;
  std::unique_ptr<ExecWitness> witness;
};

struct Tally {
  std::size_t recycled = 0;
  std::map<Confidence, std::size_t> told;
  std::size_t wrong = 0;
};

void one_try(Scene& scene, const std::string& path, std::size_t at, Tally& tally) {
  static_cast<void>(scene.read());
  const pid_t actor = act_and_end(path, at % 2 == 0 ? 0600 : 0644);
  const bool is_read_first = at % 3 == 0;
  auto events = is_read_first ? scene.read() : std::vector<DirectoryEvent>();
  if (!ask_for_number(actor)) return;
  Successor successor = run_cat();
  tally.recycled += successor.pid == actor ? 1 : 0;
  if (at % 3 == 1) end(successor);
  if (!is_read_first) events = scene.read();
  for (const DirectoryEvent& event : events) {
    if (event.pid != static_cast<std::uint64_t>(actor)) continue;
    const Cause cause = scene.witness->who(event.pid);
    ++tally.told[cause.confidence];
    tally.wrong += cause.program.find("cat") != std::string::npos ? 1 : 0;
  }
  if (at % 3 != 1) end(successor);
}

}  // namespace

TEST_CASE("a process that was given an actor's number is never blamed") {
  Scene scene;
  if (!scene.witness || ::access("/proc/sys/kernel/ns_last_pid", W_OK) != 0) {
    fmt::print("SKIP recycled numbers: they take root, fanotify, BPF and a settable last number\n");
    return;
  }
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/kept";
  const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  REQUIRE(file.is_open());
  const Fd where(::open(directory.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  REQUIRE(scene.queue->add(where.get(), attributes_mask).ok());
  Tally tally;
  for (std::size_t at = 0; at < tries(); ++at) one_try(scene, path, at, tally);
  CHECK(tally.recycled > tries() / 2);
  CHECK(tally.wrong == 0);
  fmt::print("recycled numbers: {} of {}, wrong names: {}, certain {}, likely {}, unknown {}\n",
             tally.recycled, tries(), tally.wrong, tally.told[Confidence::certain],
             tally.told[Confidence::likely], tally.told[Confidence::unknown]);
}

}  // namespace reeve
