#include "agent/host.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "agent/host_ruleset.h"
#include "agent/host_sockets.h"

namespace reeve {

std::string_view name_of(FileType type) {
  switch (type) {
    case FileType::file:
      return "file";
    case FileType::directory:
      return "directory";
    case FileType::link:
      return "link";
    case FileType::fifo:
      return "fifo";
    case FileType::socket:
      return "socket";
    case FileType::block:
      return "block";
    case FileType::character:
      return "character";
  }
  return "";
}

std::string_view name_of(Transport transport) {
  return transport == Transport::tcp ? "tcp" : "udp";
}

std::string to_text(const SocketAddress& address) {
  std::array<char, INET6_ADDRSTRLEN> words{};
  const int family = address.is_ipv6 ? AF_INET6 : AF_INET;
  REEVE_ASSERT(inet_ntop(family, address.bytes.data(), words.data(), words.size()) != nullptr);
  if (address.is_ipv6) return fmt::format("[{}]:{}", words.data(), address.port);
  return fmt::format("{}:{}", words.data(), address.port);
}

std::optional<SocketAddress> parse_socket_address(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string words(text.substr(0, colon));
  SocketAddress out;
  out.is_ipv6 = words.starts_with('[');
  if (out.is_ipv6) words = words.substr(1, std::max<std::size_t>(words.size(), 2) - 2);
  const std::string_view port = text.substr(colon + 1);
  const auto [end, problem] = std::from_chars(port.data(), port.data() + port.size(), out.port);
  if (problem != std::errc() || end != port.data() + port.size()) return std::nullopt;
  const int family = out.is_ipv6 ? AF_INET6 : AF_INET;
  if (inet_pton(family, words.c_str(), out.bytes.data()) != 1) return std::nullopt;
  return to_text(out) == text ? std::optional(out) : std::nullopt;
}

std::string object_of(const Listener& listener) {
  return fmt::format("{} {}", name_of(listener.transport), to_text(listener.local));
}

std::string to_text(const TableId& table) { return table.family + " " + table.name; }

bool has_other_names(const FileFacts& facts) {
  return facts.type != FileType::directory && facts.links > 1;
}

bool may_set_owner(const FileFacts& facts, const Surroundings& surroundings) {
  return !has_other_names(facts) || surroundings.trusted;
}

bool may_set_acl(const FileFacts& facts, const Surroundings& surroundings) {
  return may_set_owner(facts, surroundings);
}

bool may_replace(const FileFacts& facts, const Surroundings& surroundings) {
  return may_set_owner(facts, surroundings);
}

bool may_set_mode(const FileFacts& facts, const Surroundings& surroundings, std::uint32_t mode) {
  if (!has_other_names(facts) || surroundings.trusted) return true;
  bool tightens = (mode & ~facts.mode) == 0;
  return tightens && facts.uid == surroundings.directory_uid;
}

}  // namespace reeve
