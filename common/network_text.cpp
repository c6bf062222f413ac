#include "common/network_text.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace reeve {

namespace {

// Decimal digits without a zero in front, up to `most`.
std::optional<std::uint32_t> plain_number(std::string_view text, std::uint32_t most) {
  if (text.empty() || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  std::uint32_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end != text.data() + text.size() || number > most) {
    return std::nullopt;
  }
  return number;
}

std::optional<std::uint16_t> port_number(std::string_view text) {
  const auto number = plain_number(text, UINT16_MAX);
  if (!number || *number == 0) return std::nullopt;
  return static_cast<std::uint16_t>(*number);
}

Error bad_ports(std::string_view problem) { return Error{"bad_ports", std::string(problem)}; }
Error bad_network(std::string_view problem) { return Error{"bad_network", std::string(problem)}; }

std::uint8_t bits_of(const Network& network) { return network.is_ipv6 ? 128 : 32; }

// The bits of byte `at` that belong to a prefix of so many bits.
std::uint8_t mask_of(std::size_t at, std::size_t prefix) {
  const std::size_t before = at * 8;
  if (prefix >= before + 8) return 0xff;
  if (prefix <= before) return 0;
  return static_cast<std::uint8_t>(0xff00U >> (prefix - before));
}

std::optional<Network> address_of(std::string_view text) {
  if (text.size() >= INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos) {
    return std::nullopt;
  }
  const std::string terminated(text);
  Network out{.is_ipv6 = text.find(':') != std::string_view::npos, .bytes = {}, .prefix = 0};
  const int family = out.is_ipv6 ? AF_INET6 : AF_INET;
  if (::inet_pton(family, terminated.c_str(), out.bytes.data()) != 1) return std::nullopt;
  return out;
}

bool is_mapped(const Network& network) {
  const auto& bytes = network.bytes;
  return network.is_ipv6 && bytes[10] == 0xff && bytes[11] == 0xff &&
         std::all_of(bytes.begin(), bytes.begin() + 10,
                     [](std::uint8_t byte) { return byte == 0; });
}

}  // namespace

Result<PortRange> parse_ports(std::string_view text) {
  const auto dash = text.find('-');
  if (dash == std::string_view::npos) {
    const auto port = port_number(text);
    if (!port) return bad_ports("which is no number from 1 to 65535");
    return PortRange{*port, *port};
  }
  const auto first = port_number(text.substr(0, dash));
  const auto last = port_number(text.substr(dash + 1));
  if (!first || !last) return bad_ports("which is not two numbers from 1 to 65535 with \"-\"");
  if (*first >= *last) return bad_ports("whose first port is not below its last");
  return PortRange{*first, *last};
}

std::string to_text(const PortRange& ports) {
  if (ports.first == ports.last) return std::to_string(ports.first);
  return fmt::format("{}-{}", ports.first, ports.last);
}

bool Network::contains(const Network& other) const {
  if (other.is_ipv6 != is_ipv6 || other.prefix < prefix) return false;
  for (std::size_t at = 0; at < bytes.size() && at * 8 < prefix; ++at) {
    if (((bytes[at] ^ other.bytes[at]) & mask_of(at, prefix)) != 0) return false;
  }
  return true;
}

Result<Network> parse_network(std::string_view text) {
  const auto slash = text.find('/');
  auto address = address_of(text.substr(0, slash));
  if (!address) return bad_network("which does not begin with an IPv4 or IPv6 address");
  if (is_mapped(*address))
    return bad_network("which is an IPv4 address in the form of an IPv6 one");
  address->prefix = bits_of(*address);
  if (slash == std::string_view::npos) return *address;
  const auto prefix = plain_number(text.substr(slash + 1), bits_of(*address));
  if (!prefix) {
    return bad_network(fmt::format("whose prefix is no number from 0 to {}", bits_of(*address)));
  }
  Network network = *address;
  network.prefix = static_cast<std::uint8_t>(*prefix);
  for (std::size_t at = 0; at < network.bytes.size(); ++at) {
    network.bytes[at] = network.bytes[at] & mask_of(at, network.prefix);
  }
  if (network.bytes == address->bytes) return network;
  Error error = bad_network("which has bits set behind its prefix");
  error.next = to_text(network);
  return error;
}

std::string to_text(const Network& network) {
  char text[INET6_ADDRSTRLEN] = {};
  const int family = network.is_ipv6 ? AF_INET6 : AF_INET;
  REEVE_ASSERT(::inet_ntop(family, network.bytes.data(), text, sizeof text) != nullptr);
  if (network.prefix == bits_of(network)) return text;
  return fmt::format("{}/{}", text, network.prefix);
}

}  // namespace reeve
