// One command's conversation with its controller: the fleet directory, the operator's keys, the
// link and Ctrl-C, in the order in which they must live and die.
#pragma once

#include "controller/cli/client.h"
#include "controller/cli/commands.h"
#include "controller/cli/fleet.h"
#include "controller/cli/interrupt.h"
#include "controller/cli/known_nodes.h"

namespace reeve::cli {

class Session {
 public:
  // Connects in the background; the first request finds out whether anybody is there.
  // Errors: those of open_fleet(), load_known_nodes(), signing_key() and ZmqClient::connect().
  static Result<std::unique_ptr<Session>> open(const Environment& environment,
                                               const Arguments& arguments);

  // For open(). Not moved: the client borrows the link and the key from here.
  Session(Fleet fleet, KnownNodes known, SigningKey key, std::unique_ptr<ZmqClient> link,
          const Clock& clock);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Takes up the roots that the controller shows after ours, each by the one before it: what is
  // judged afterwards is judged by the newest. Errors: those of request() and take_up_root().
  Status take_up_roots();
  Status take_up(ByteView root) { return take_up_root(fleet_, root); }

  const Fleet& fleet() const { return fleet_; }
  // What this machine has verified of the nodes; keep_known_nodes() once that has changed.
  KnownNodes& known_nodes() { return known_nodes_; }
  Status keep_known_nodes();
  bool known_nodes_are_kept() const { return known_nodes_are_kept_; }  // once in this command
  const SigningKey& operator_key() const { return key_; }
  OperatorClient& controller() { return client_; }
  std::int64_t now_wall_ns() const { return clock_.wall_ns(); }
  std::int64_t monotonic_ns() const { return clock_.monotonic_ns(); }

 private:
  Fleet fleet_;
  KnownNodes known_nodes_;
  bool known_nodes_are_kept_ = false;
  SigningKey key_;
  std::unique_ptr<ZmqClient> link_;
  const Clock& clock_;
  Interrupt interrupt_;
  OperatorClient client_;
};

}  // namespace reeve::cli
