// Where the host that the commands look at gets its network from.
#include "agent/commands/commands.h"
#include "agent/netfilter/forked_room.h"
#include "agent/netfilter/linux_ruleset.h"
#include "agent/sockets/linux_sockets.h"

namespace reeve {

Result<LinuxHost::Network> open_network(std::unique_ptr<ScratchRoom> room) {
  LinuxHost::Network network = LinuxHost::no_network();
  auto ruleset = LinuxRuleset::open(std::move(room));
  if (!ruleset.ok()) return ruleset.error();
  network.ruleset = std::move(*ruleset);
  auto sockets = LinuxSockets::open();
  if (!sockets.ok()) return sockets.error();
  network.sockets = std::move(*sockets);
  return network;
}

Result<std::unique_ptr<LinuxHost>> open_local_host(const std::string& root) {
  if (root != "/") return LinuxHost::open(root);
  auto network = open_network(std::make_unique<ForkedRoom>());
  if (!network.ok()) return network.error();
  return LinuxHost::open(root, std::move(*network));
}

}  // namespace reeve
