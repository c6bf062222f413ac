// reeve-courier USER EMPTY_ROOT: the only program of an agent that has a network. Started by the
// launcher with its end of the agent's pair as descriptor 3 and nothing else. It is told whom to
// talk to, resolves that name, seals itself, and relays. Exit status: 0 when the agent has gone or
// no address answers (it is started again), 1 when it cannot start.
#include <fmt/format.h>
#include <malloc.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>

#include "agent/courier/courier_limits.h"
#include "agent/courier/relay.h"
#include "agent/sandbox.h"

namespace reeve {
namespace {

constexpr int pair_fd = 3;

Error pair_error(std::string_view act) {
  return os_error("courier_pair_unusable", act, "descriptor 3", errno);
}

Status check_pair(const Fd& pair) {
  int type = 0;
  socklen_t size = sizeof type;
  if (getsockopt(pair.get(), SOL_SOCKET, SO_TYPE, &type, &size) != 0) return pair_error("look at");
  if (type == SOCK_SEQPACKET) return {};
  return Error{"courier_pair_unusable", "descriptor 3 is not the agent's pair",
               "the courier is started by reeve-agent, not by hand"};
}

struct Orders {
  CourierConfig config;
  RelayDuty duty;
};

// Absent when the agent went away before it said anything.
Result<std::optional<Orders>> receive_orders(const Fd& pair) {
  pollfd ready{pair.get(), POLLIN, 0};
  constexpr int patience_ms = static_cast<int>(limits::courier_configure_ns / 1'000'000);
  if (poll(&ready, 1, patience_ms) != 1) {
    return Error{"courier_not_configured", "the agent has not said whom to talk to"};
  }
  Bytes bytes(limits::message_bytes_max);
  const ssize_t got = recv(pair.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (got < 0) return pair_error("receive from");
  if (got == 0) return std::optional<Orders>();
  bytes.resize(static_cast<std::size_t>(got));
  auto message = decode_message(bytes);
  if (!message) return message.error();
  const bool enrolls = message->type == MessageType::configure_enrollment;
  if (message->type != MessageType::configure && !enrolls) {
    return Error{"courier_not_configured", "the agent's first message is of another type"};
  }
  auto config = decode_courier_config(message->payload);
  if (!config) return config.error();
  return std::optional<Orders>(
      {std::move(*config), enrolls ? RelayDuty::enrollment : RelayDuty::node});
}

Result<int> run(const CourierSandbox& sandbox) {
  Fd pair(pair_fd);
  REEVE_TRY(check_pair(pair));
  REEVE_TRY(init_crypto());
  auto orders = receive_orders(pair);
  if (!orders) return orders.error();
  if (!*orders) return 0;
  auto addresses = resolve_address((*orders)->config.address);
  if (!addresses) return addresses.error();
  auto isolation = seal_courier(sandbox);
  if (!isolation) return isolation.error();
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // which a change of user has undone
  const bool full = *isolation == "full";
  // Sealed by now, so that a file takes no line any more; a pipe, a terminal and the journal do.
  const std::string told = fmt::format("reeve-courier: isolation: {}\n", *isolation);
  if (!full && write(STDERR_FILENO, told.data(), told.size()) < 0) errno = 0;
  // From here on whatever a taken-over courier prints leads nowhere, as its standard output does.
  if (dup2(STDOUT_FILENO, STDERR_FILENO) < 0) return pair_error("redirect errors beside");
  auto relay = Relay::create(std::move(pair), std::move((*orders)->config), std::move(*addresses),
                             full ? Isolation::full : Isolation::reduced, {}, (*orders)->duty);
  if (!relay) return relay.error();
  relay->run();
  return 0;
}

}  // namespace
}  // namespace reeve

int main(int argc, char** argv) {
  mallopt(M_ARENA_MAX, 1);  // libzmq's thread needs no heap of its own
  if (argc != 3) {
    fmt::print(stderr, "reeve-courier is started by reeve-agent: USER EMPTY_ROOT\n");
    return 1;
  }
  const auto status = reeve::run({argv[1], argv[2]});
  if (status.ok()) return *status;
  fmt::print(stderr, "reeve-courier: {}: {}\n", status.error().name, status.error().detail);
  return 1;
}
