// A local attacker: a child process of another user that swaps pairs of names as fast as it can,
// until it is told to stop. It counts its swaps in shared memory. Needs can_change_users().
#pragma once

#include <sys/types.h>

#include <atomic>
#include <string>
#include <utility>
#include <vector>

namespace reeve {

class Flipper {
 public:
  // Real paths; each pair is swapped by one renameat2(2), in turn. `recreated` is a file that is
  // made again whenever it has gone. Starts at once.
  Flipper(std::vector<std::pair<std::string, std::string>> pairs, std::string recreated);
  ~Flipper();
  Flipper(const Flipper&) = delete;

  std::uint64_t flips() const { return shared_->flips; }
  void stop();

 private:
  struct Shared {
    std::atomic<std::uint64_t> flips = 0;
    std::atomic<bool> stopped = false;
  };

  void run(const std::vector<std::pair<std::string, std::string>>& pairs,
           const std::string& recreated);

  Shared* shared_;  // mapped, shared with the child
  pid_t child_;
};

}  // namespace reeve
