// The owner's local socket, STATE/control.sock: one question and one answer a connection,
// MessagePack maps in single SOCK_SEQPACKET messages (docs/formats.md, "Control socket"). It
// answers root and the agent's own user only (SO_PEERCRED, unix(7)), and is not reachable from the
// courier.
#pragma once

#include <poll.h>

#include <functional>

#include "agent/asker.h"
#include "common/codec.h"
#include "common/fd.h"

namespace reeve {

class ControlServer {
 public:
  // Gives the answer to a question, whose `operation` is a text, or an error that the asker is
  // told. The rest of the question may be anything.
  using Answer = std::function<Result<Value::Map>(const Value& question, const Asker& who)>;

  // Replaces a socket that a dead agent left in the directory. Error: `control_failed`.
  static Result<ControlServer> listen(int state_directory);
  explicit ControlServer(Fd listener) : listener_(std::move(listener)) {}

  // Descriptors to poll for reading, and what to do when poll(2) has looked at them.
  void add_to(std::vector<pollfd>& polled) const;
  void serve(const std::vector<pollfd>& polled, const Answer& answer);

 private:
  struct Client {
    Fd socket;
    Asker who;
  };
  void accept_clients();

  Fd listener_;
  std::vector<Client> clients_;
};

// Asks the agent that holds this state directory. Errors: `agent_not_running`, `control_failed`,
// and what the agent answers.
Result<Value> ask_agent(const std::string& state_directory, std::string_view operation,
                        Value::Map details = {});

}  // namespace reeve
