// Ports and networks as policy writes them. The compiler and the kinds read them by the same
// functions, so that what one lets through the other understands. Pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace reeve {

struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0;  // not below `first`; the same for a single port
  bool contains(std::uint16_t port) const { return first <= port && port <= last; }
  bool operator==(const PortRange&) const = default;
};

// "22" or "8000-8100": decimal, 1 to 65535, no zero in front, the first below the last. Error
// `bad_ports`, whose detail says what is wrong, to stand behind the text: "which ...".
Result<PortRange> parse_ports(std::string_view text);
std::string to_text(const PortRange& ports);
inline bool any_contains(const std::vector<PortRange>& ranges, std::uint16_t port) {
  for (const PortRange& range : ranges)
    if (range.contains(port)) return true;
  return false;
}

// An address is a network of one: prefix 32 or 128.
struct Network {
  bool is_ipv6 = false;
  std::array<std::uint8_t, 16> bytes{};  // IPv4: the first four, the rest zero
  std::uint8_t prefix = 0;               // in bits; all bits behind it are zero
  // True where every address of the other is one of this: the same family, no shorter a prefix.
  bool contains(const Network& other) const;
  bool operator==(const Network&) const = default;
};

// An IPv4 address in four decimal parts or an IPv6 address (RFC 4291 section 2.2), alone or in CIDR
// form with its prefix (RFC 4632 section 3.1, RFC 4291 section 2.3). Bits set behind the prefix are
// refused: one who writes 10.1.2.3/8 may have meant the host or the network. IPv6 forms of IPv4
// addresses (::ffff:0:0/96) are refused: no packet carries them. Error `bad_network`, with a detail
// as above and, where there are bits too many, in `next` the network without them.
Result<Network> parse_network(std::string_view text);
// As RFC 5952 writes it; the prefix only where it is not the whole address.
std::string to_text(const Network& network);

}  // namespace reeve
