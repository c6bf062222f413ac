#include "controller/cli/child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <csignal>

#include "common/fd.h"
#include "controller/cli/cli_limits.h"

namespace reeve::cli {
namespace {

// posix_spawn's two attribute objects, destroyed with this.
class SpawnPlan {
 public:
  SpawnPlan(int output_fd, Errors errors) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions_, output_fd, STDOUT_FILENO);
    if (errors == Errors::dropped) {
      ::posix_spawn_file_actions_addopen(&actions_, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    }
    sigset_t none{};
    sigset_t defaults{};
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    ::posix_spawnattr_init(&attributes_);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &defaults);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }

  Result<pid_t> start(const std::vector<std::string>& words) const {
    std::vector<std::string> owned = words;
    pid_t child = 0;
    std::vector<char*> argv;
    for (std::string& word : owned) argv.push_back(word.data());
    argv.push_back(nullptr);
    const int problem =
        ::posix_spawnp(&child, argv[0], &actions_, &attributes_, argv.data(), environ);
    if (problem != 0) return os_error("child_failed", "start", words[0], problem);
    return child;
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

std::string read_to_end(int fd) {
  std::string out;
  std::array<char, 4096> part;
  for (;;) {
    const ssize_t count = ::read(fd, part.data(), part.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return out;
    if (out.size() < limits::child_output_bytes_max) {
      out.append(part.data(), static_cast<std::size_t>(count));
    }
  }
}

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

Result<ChildOutcome> run_child(const std::vector<std::string>& words, Errors errors) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return os_error("child_failed", "pipe for", words[0], errno);
  }
  const Fd reading(ends[0]);
  Fd writing(ends[1]);
  const auto child = SpawnPlan(writing.get(), errors).start(words);
  writing = Fd();
  if (!child.ok()) return child.error();
  std::string output = read_to_end(reading.get());
  return ChildOutcome{.exit_code = wait_for(*child), .output = std::move(output)};
}

std::string sibling_program(std::string_view name) {
  std::array<char, PATH_MAX> own;
  const ssize_t count = ::readlink("/proc/self/exe", own.data(), own.size());
  if (count <= 0) return {};
  std::string path(own.data(), static_cast<std::size_t>(count));
  path.resize(path.rfind('/') + 1);
  path += name;
  return ::access(path.c_str(), X_OK) == 0 ? path : std::string();
}

}  // namespace reeve::cli
