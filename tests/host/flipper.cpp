#include "tests/host/flipper.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <memory>

#include "common/fd.h"
#include "common/result.h"

namespace reeve {

namespace {

constexpr uid_t attacker = 65534;

}  // namespace

Flipper::Flipper(std::vector<std::pair<std::string, std::string>> pairs, std::string recreated) {
  void* memory =
      mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  REEVE_ASSERT(memory != MAP_FAILED);
  shared_ = std::construct_at(static_cast<Shared*>(memory));
  child_ = fork();
  REEVE_ASSERT(child_ >= 0);
  if (child_ == 0) run(pairs, recreated);
}

Flipper::~Flipper() {
  stop();
  munmap(shared_, sizeof(Shared));
}

void Flipper::stop() {
  if (child_ <= 0) return;
  shared_->stopped = true;
  waitpid(child_, nullptr, 0);
  child_ = 0;
}

void Flipper::run(const std::vector<std::pair<std::string, std::string>>& pairs,
                  const std::string& recreated) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (setresgid(attacker, attacker, attacker) != 0) _exit(1);
  if (setresuid(attacker, attacker, attacker) != 0) _exit(1);
  while (!shared_->stopped) {
    for (const auto& [one, other] : pairs) {
      int failed = renameat2(AT_FDCWD, one.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE);
      if (failed == 0) ++shared_->flips;
    }
    Fd again(open(recreated.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644));
  }
  _exit(0);
}

}  // namespace reeve
