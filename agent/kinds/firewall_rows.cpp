#include "agent/kinds/firewall_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "agent/kinds/field_values.h"

namespace reeve {

namespace {

std::vector<PortRange> merged(std::vector<PortRange> ranges) {
  std::sort(ranges.begin(), ranges.end(),
            [](const PortRange& a, const PortRange& b) { return a.first < b.first; });
  std::vector<PortRange> out;
  for (const PortRange& range : ranges) {
    if (!out.empty() && range.first <= std::uint32_t{out.back().last} + 1)
      out.back().last = std::max(out.back().last, range.last);
    else
      out.push_back(range);
  }
  return out;
}

// Sorted so that a network stands before all that it contains.
std::vector<Network> merged(std::vector<Network> networks) {
  const auto order = [](const Network& one) {
    return std::tie(one.is_ipv6, one.bytes, one.prefix);
  };
  std::sort(networks.begin(), networks.end(),
            [&](const Network& a, const Network& b) { return order(a) < order(b); });
  std::vector<Network> out;
  for (const Network& network : networks)
    if (out.empty() || !out.back().contains(network)) out.push_back(network);
  return out;
}

template <class Items>
std::string braced(const Items& items) {
  std::string out;
  for (const auto& item : items) out += (out.empty() ? "" : ", ") + to_text(item);
  return "{ " + out + " }";
}

std::vector<std::string> texts_of(const Value& row, std::string_view field) {
  std::vector<std::string> out;
  const Value* value = row.find(field);
  const Value::Array* items = value == nullptr ? nullptr : value->array();
  if (items == nullptr) return out;
  for (const Value& item : *items) out.push_back(item.any_name().value_or(""));
  return out;
}

std::string text_of(const Value& row, std::string_view field) {
  const Value* value = row.find(field);
  return value == nullptr ? std::string() : value->any_name().value_or("");
}

// Linux takes up to 15 bytes; a "*" at the end stands for any rest.
bool is_interface(std::string_view name) {
  if (name.ends_with('*')) name.remove_suffix(1);
  constexpr std::string_view allowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-@";
  return !name.empty() && name.size() <= 15 &&
         name.find_first_not_of(allowed) == std::string_view::npos;
}

bool has_ports(std::string_view protocol) {
  return protocol == "tcp" || protocol == "udp" || protocol == "sctp";
}

Result<TrafficRow> read_row(const Rule& rule, std::string_view field, const Value& value) {
  TrafficRow row;
  row.protocol = text_of(value, "protocol");
  for (const std::string& text : texts_of(value, "ports")) {
    const auto range = parse_ports(text);
    if (!range.ok()) return invalid_rule(rule, field, "has ports " + range.error().detail);
    row.ports.push_back(*range);
  }
  for (const std::string& text : texts_of(value, "from")) {
    const auto network = parse_network(text);
    if (!network.ok()) return invalid_rule(rule, field, "has a network " + network.error().detail);
    row.from.push_back(*network);
  }
  row.interface = text_of(value, "interface");
  if (!row.interface.empty() && !is_interface(row.interface))
    return invalid_rule(rule, field, "has an interface that is none: " + row.interface);
  if (!row.ports.empty() && !has_ports(row.protocol))
    return invalid_rule(rule, field, "has ports of a protocol that has none: " + row.protocol);
  if (row.protocol == "any" && row.from.empty() && row.interface.empty())
    return invalid_rule(rule, field, "would let everything in: any needs from or interface");
  row.ports = merged(std::move(row.ports));
  row.from = merged(std::move(row.from));
  return row;
}

// Numbers, because names of protocols are the host's to say (protocols(5)).
std::string_view protocol_number(std::string_view protocol) {
  constexpr std::pair<std::string_view, std::string_view> numbers[] = {
      {"tcp", "6"}, {"udp", "17"}, {"gre", "47"}, {"esp", "50"}, {"vrrp", "112"}, {"sctp", "132"}};
  for (const auto& [name, number] : numbers)
    if (name == protocol) return number;
  return {};
}

// What of a packet the row speaks of, its sender apart. A ping has a form in each of IPv4 and IPv6.
std::vector<std::string> matches_of(const TrafficRow& row, std::optional<bool> is_ipv6) {
  if (row.protocol == "any") return {""};
  if (row.protocol == "ping") {
    std::vector<std::string> out;
    if (!is_ipv6.value_or(false)) out.emplace_back("icmp type echo-request ");
    if (is_ipv6.value_or(true)) out.emplace_back("icmpv6 type echo-request ");
    return out;
  }
  if (!row.ports.empty()) return {fmt::format("{} dport {} ", row.protocol, braced(row.ports))};
  return {fmt::format("meta l4proto {} ", protocol_number(row.protocol))};
}

std::string senders(const TrafficRow& row, bool is_ipv6) {
  std::vector<Network> of_family;
  for (const Network& network : row.from)
    if (network.is_ipv6 == is_ipv6) of_family.push_back(network);
  if (of_family.empty()) return {};
  if (of_family.front().prefix == 0) return is_ipv6 ? "meta nfproto ipv6 " : "meta nfproto ipv4 ";
  return fmt::format("{} saddr {} ", is_ipv6 ? "ip6" : "ip", braced(of_family));
}

std::string lines_of(const TrafficRow& row, std::string_view verdict) {
  const std::string interface =
      row.interface.empty() ? "" : fmt::format("iifname \"{}\" ", row.interface);
  std::string out;
  const auto add = [&](const std::string& from, std::optional<bool> is_ipv6) {
    for (const std::string& match : matches_of(row, is_ipv6))
      out += fmt::format("\t\t{}{}{}{}\n", interface, from, match, verdict);
  };
  if (row.from.empty()) add("", std::nullopt);
  for (const bool is_ipv6 : {false, true})
    if (const std::string from = senders(row, is_ipv6); !from.empty()) add(from, is_ipv6);
  return out;
}

std::string lines_of(const std::vector<TrafficRow>& rows, std::string_view verdict) {
  std::string out;
  for (const TrafficRow& row : rows) out += lines_of(row, verdict);
  return out;
}

// What a host needs to stay on its network: errors that belong to its own traffic, neighbours,
// routers and groups (RFC 4890 section 4.4), and the answers of DHCP servers (RFC 2131, RFC 8415).
constexpr std::string_view always_in =
    "\t\tiif \"lo\" accept\n"
    "\t\tct state established,related accept\n"
    "\t\ticmp type { destination-unreachable, time-exceeded, parameter-problem } accept\n"
    "\t\ticmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } "
    "accept\n"
    "\t\ticmpv6 type { nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit "
    "255 accept\n"
    "\t\tip6 saddr fe80::/10 icmpv6 type mld-listener-query accept\n"
    "\t\tmeta nfproto ipv4 udp sport 67 udp dport 68 accept\n"
    "\t\tip6 saddr fe80::/10 udp dport 546 accept\n";

}  // namespace

Result<std::vector<TrafficRow>> read_rows(const Rule& rule, std::string_view field) {
  std::vector<TrafficRow> out;
  const Value* value = rule.fields.find(field);
  const Value::Array* items = value == nullptr ? nullptr : value->array();
  if (items == nullptr) return invalid_rule(rule, field, "is no list of rows");
  for (const Value& item : *items) {
    auto row = read_row(rule, field, item);
    if (!row.ok()) return row.error();
    out.push_back(std::move(*row));
  }
  return out;
}

std::string inbound_body(const std::vector<TrafficRow>& rows) {
  return fmt::format(
      "\tchain input {{\n"
      "\t\ttype filter hook input priority 0; policy drop;\n{}{}\t}}",
      always_in, lines_of(rows, "accept"));
}

// Before the destination is rewritten (-100), so that ports which a container publishes count, and
// after connections are known (-200), so that answers to this host's own connections pass whatever
// port they came from. What is routed through this host to others is not its port. The second chain
// is for what reaches the port under another number.
std::string forbid_body(const std::vector<TrafficRow>& rows) {
  const std::string drops = lines_of(rows, "drop");
  return fmt::format(
      "\tchain prerouting {{\n"
      "\t\ttype filter hook prerouting priority -150; policy accept;\n"
      "\t\tiif \"lo\" accept\n"
      "\t\tfib daddr type unicast accept\n"
      "\t\tct direction reply accept\n{0}\t}}\n"
      "\tchain input {{\n"
      "\t\ttype filter hook input priority -310; policy accept;\n"
      "\t\tiif \"lo\" accept\n"
      "\t\tct direction reply accept\n{0}\t}}",
      drops);
}

}  // namespace reeve
