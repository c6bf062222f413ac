// A `port` rule as bound: what may listen, what the rule speaks of, and its ladder of actions.
// Bound once from a Rule; the fields themselves are in the table row in port.cpp.
#pragma once

#include <optional>

#include "agent/host_sockets.h"
#include "agent/kind.h"
#include "common/network_text.h"

namespace reeve {

// The steps of a ladder, mildest first.
enum class PortAction : std::uint8_t { report, close, block, terminate };
std::string_view name_of(PortAction action);

// One row of `allow`: what every part of it that is there says of a listener.
struct AllowedPort {
  std::optional<Transport> transport;
  std::vector<PortRange> ports;    // none: any
  std::vector<Network> addresses;  // none: any
  std::optional<std::string> program;
  std::optional<std::string> user;

  // Program and user apart, which only a host can tell.
  bool matches_address(Transport of, const SocketAddress& address) const;
};

struct PortRule {
  std::string id;
  std::vector<AllowedPort> allow;
  std::optional<Transport> transport;  // what the rule speaks of; absent: both
  std::vector<PortRange> ports;        // none: all
  bool is_loopback_ignored = false;
  std::vector<PortAction> actions;  // at least one; `report` stands alone
  bool may_end_sessions = false;

  bool speaks_of(Transport of, const SocketAddress& address) const;
  bool has(PortAction action) const;
};

// Of a rule that passed the table's checks. Errors: `invalid_rule`.
Result<PortRule> bind_port_rule(const Rule& rule);

// What policy's networks say of an address: an IPv4 address in its IPv6-mapped form is that IPv4
// address.
Network network_of(const SocketAddress& address);
bool is_loopback(const SocketAddress& address);
bool is_unspecified(const SocketAddress& address);  // 0.0.0.0, :: and ::ffff:0.0.0.0

// The name of an object as deviations spell it; absent where it is none.
struct PortObject {
  Transport transport{};
  SocketAddress address;
};
std::optional<PortObject> parse_port_object(std::string_view text);

}  // namespace reeve
