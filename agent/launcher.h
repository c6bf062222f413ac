// The launcher: the process that was started. It forks the deciding process and starts the courier
// from a table fixed at compile time, watches both, and starts them again with backoff when they
// die or stick. It reads nothing from policy or network and decides nothing.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "agent/netfilter/netfilter_limits.h"
#include "common/fd.h"
#include "common/result.h"

namespace reeve {

// A signal to stop, and who sent it (sigaction(2)).
struct StopRequest {
  int signal = 0;
  std::int64_t pid = 0;
  std::int64_t uid = 0;
  std::string program;  // of that process; empty where it was gone
};

// How the deciding process ended before this one; all zero: there was none.
struct LastDeath {
  int wait_status = 0;     // waitpid(2)
  bool was_stuck = false;  // killed after limits::agent_silence_max_ns without a word
};

// The deciding process's side of its launcher.
class LauncherChannel {
 public:
  explicit LauncherChannel(Fd socket) : socket_(std::move(socket)) {}
  int fd() const { return socket_.get(); }  // readable when a courier has been started
  // The SOCK_SEQPACKET end of a newly started courier; absent when none waits. The old one is dead.
  std::optional<Fd> receive_courier();
  // One has come while something else was waited for: the descriptor will not tell of it again.
  bool has_courier() const { return courier_.has_value(); }
  // One end of a stream to a new scratch child (LaunchPlan::scratch), which the launcher kills
  // after limits::scratch_deadline_s or when another is asked for. Waits for at most
  // limits::scratch_start_ms. Errors: `scratch_failed`.
  Result<Fd> ask_for_scratch();
  // The courier is stuck: it is killed, and started again like one that died.
  void ask_for_courier();
  // Why the launcher stops us; absent when it has not said so.
  std::optional<StopRequest> receive_stop();
  // To be called at least every 5 s; after 30 s of silence the launcher kills and forks again.
  void report_alive();

 private:
  void take_what_waits();

  Fd socket_;
  std::optional<Fd> courier_;  // the newest that nobody has taken
  std::optional<StopRequest> stop_;
};

struct LaunchPlan {
  std::string courier_user;  // a user's name, or "same" (isolation: reduced)
  std::string empty_root;    // an empty directory, root's, for the courier's chroot
  bool with_courier = true;  // false where there is no controller to talk to
  // The deciding process's body, in the forked child, with what the launcher knows of its last
  // death. Its return value is the exit status; 0 and 1 are final (a clean stop, and "cannot
  // start"), everything else is started again.
  std::function<int(LauncherChannel, const LastDeath&)> decide;
  // A scratch child's body, in a forked child that holds one end of a stream and no other
  // descriptor of the launcher's. The launcher reads nothing of what goes over it.
  std::function<int(Fd)> scratch{};
  bool runs_once = false;  // the deciding process is not started again, however it ended: status 1
};

// Runs until SIGTERM, SIGINT or a final exit of the deciding process, which it passes on: the
// deciding process stops first, then the courier. Errors: `courier_user_unknown`,
// `courier_missing`, `launch_failed`.
Result<int> launch(const LaunchPlan& plan);

}  // namespace reeve
