#include "agent/kinds/port_rule.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/kind_limits.h"
#include "agent/kinds/field_values.h"

namespace reeve {

namespace {

constexpr std::array<std::uint8_t, 12> mapped_start = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

std::optional<std::string> text_of(const Value& map, std::string_view field) {
  const Value* value = map.find(field);
  return value == nullptr ? std::nullopt : value->any_name();
}

bool is_asked(const Value& map, std::string_view field) {
  const Value* value = map.find(field);
  return value != nullptr && value->boolean() != nullptr && *value->boolean();
}

// Every item of a list, read by `read`, which cannot fail after the table's checks.
template <class T, class Read>
std::vector<T> list_of(const Value& map, std::string_view field, const Read& read) {
  std::vector<T> out;
  const Value* value = map.find(field);
  if (value == nullptr || value->array() == nullptr) return out;
  for (const Value& item : *value->array()) {
    auto one = read(item.any_name().value_or(""));
    if (one.ok()) out.push_back(*one);
  }
  return out;
}

std::optional<Transport> transport_in(const Value& map) {
  const auto text = text_of(map, "protocol");
  if (!text) return std::nullopt;
  return *text == "udp" ? Transport::udp : Transport::tcp;
}

Result<PortAction> action_named(const std::string& name) {
  for (PortAction action :
       {PortAction::report, PortAction::close, PortAction::block, PortAction::terminate})
    if (name_of(action) == name) return action;
  return Error{"invalid_rule", name};
}

AllowedPort read_row(const Value& row) {
  AllowedPort out;
  out.transport = transport_in(row);
  out.ports = list_of<PortRange>(row, "ports", parse_ports);
  out.addresses = list_of<Network>(row, "address", parse_network);
  out.program = text_of(row, "program");
  out.user = text_of(row, "user");
  return out;
}

PortRule read_fields(const Rule& rule) {
  PortRule out;
  out.id = rule.id;
  const Value* rows = rule.fields.find("allow");
  if (rows != nullptr && rows->array() != nullptr)
    for (const Value& row : *rows->array()) out.allow.push_back(read_row(row));
  out.transport = transport_in(rule.fields);
  out.ports = list_of<PortRange>(rule.fields, "ports", parse_ports);
  out.is_loopback_ignored = text_of(rule.fields, "loopback") == "ignored";
  out.actions = list_of<PortAction>(rule.fields, "actions", action_named);
  if (out.actions.empty()) out.actions.push_back(PortAction::report);
  out.may_end_sessions = is_asked(rule.fields, "end_sessions");
  return out;
}

bool says_nothing(const AllowedPort& row) {
  return !row.transport && row.ports.empty() && row.addresses.empty() && !row.program && !row.user;
}

Status judge_rows(const Rule& rule, const PortRule& port) {
  for (std::size_t i = 0; i < port.allow.size(); ++i) {
    const AllowedPort& row = port.allow[i];
    const std::string name = fmt::format("allow[{}]", i);
    if (says_nothing(row)) return invalid_rule(rule, name, "says nothing and so would allow all");
    if (row.transport && port.transport && row.transport != port.transport)
      return invalid_rule(rule, name + ".protocol", "is not the protocol that the rule speaks of");
  }
  return {};
}

// What the table cannot say: which fields contradict each other.
Status judge(const Rule& rule, const PortRule& port) {
  auto sorted = port.actions;
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end())
    return invalid_rule(rule, "actions", "names one action twice");
  if (port.has(PortAction::report) && port.actions.size() > 1)
    return invalid_rule(rule, "actions", "has report beside acts, and every act is reported");
  if (port.has(PortAction::close) && port.transport != Transport::tcp)
    return invalid_rule(rule, "actions",
                        "has close, which a UDP socket survives: say protocol: tcp, or block");
  if (port.has(PortAction::block) && rule.id.size() > limits::port_block_id_bytes_max)
    return invalid_rule(rule, "actions", "has block, which needs a shorter id of the rule");
  if (port.may_end_sessions && !port.has(PortAction::terminate))
    return invalid_rule(rule, "end_sessions", "goes with the action terminate only");
  return judge_rows(rule, port);
}

bool contains(const std::vector<PortRange>& ranges, std::uint16_t port) {
  return ranges.empty() || std::any_of(ranges.begin(), ranges.end(),
                                       [&](const PortRange& one) { return one.contains(port); });
}

}  // namespace

std::string_view name_of(PortAction action) {
  switch (action) {
    case PortAction::report:
      return "report";
    case PortAction::close:
      return "close";
    case PortAction::block:
      return "block";
    case PortAction::terminate:
      return "terminate";
  }
  return "";
}

bool AllowedPort::matches_address(Transport of, const SocketAddress& address) const {
  if (transport && *transport != of) return false;
  if (!contains(ports, address.port)) return false;
  const Network network = network_of(address);
  return addresses.empty() ||
         std::any_of(addresses.begin(), addresses.end(),
                     [&](const Network& one) { return one.contains(network); });
}

bool PortRule::speaks_of(Transport of, const SocketAddress& address) const {
  if (transport && *transport != of) return false;
  if (is_loopback_ignored && is_loopback(address)) return false;
  return contains(ports, address.port);
}

bool PortRule::has(PortAction action) const {
  return std::find(actions.begin(), actions.end(), action) != actions.end();
}

Result<PortRule> bind_port_rule(const Rule& rule) {
  PortRule port = read_fields(rule);
  REEVE_TRY(judge(rule, port));
  return port;
}

Network network_of(const SocketAddress& address) {
  const bool is_mapped = address.is_ipv6 && std::equal(mapped_start.begin(), mapped_start.end(),
                                                       address.bytes.begin());
  Network out;
  out.is_ipv6 = address.is_ipv6 && !is_mapped;
  out.prefix = out.is_ipv6 ? 128 : 32;
  if (is_mapped)
    std::copy(address.bytes.begin() + mapped_start.size(), address.bytes.end(), out.bytes.begin());
  else
    out.bytes = address.bytes;
  return out;
}

bool is_loopback(const SocketAddress& address) {
  const Network network = network_of(address);
  if (!network.is_ipv6) return network.bytes[0] == 127;
  std::array<std::uint8_t, 16> one{};
  one.back() = 1;
  return network.bytes == one;
}

bool is_unspecified(const SocketAddress& address) {
  return network_of(address).bytes == std::array<std::uint8_t, 16>{};
}

std::optional<PortObject> parse_port_object(std::string_view text) {
  for (Transport transport : {Transport::tcp, Transport::udp}) {
    const std::string start = std::string(name_of(transport)) + " ";
    if (!text.starts_with(start)) continue;
    const auto address = parse_socket_address(text.substr(start.size()));
    if (address) return PortObject{transport, *address};
  }
  return std::nullopt;
}

}  // namespace reeve
