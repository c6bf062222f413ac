#include "agent/kinds/port_block.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/kind_limits.h"

namespace reeve {

namespace {

const TableId table = {"inet", "reeve_port_block"};
constexpr std::string_view ipv6_only_mark = "v6only";

std::string object_of(const PortObject& socket) {
  return fmt::format("{} {}", name_of(socket.transport), to_text(socket.address));
}

// "tcp [::]:53 v6only rule-id": the mark only where it is so.
std::string comment_of(const PortBlock& block) {
  return fmt::format("{} {}{}{}", object_of(block.socket), block.is_ipv6_only ? ipv6_only_mark : "",
                     block.is_ipv6_only ? " " : "", block.rule);
}

std::optional<PortBlock> parse_comment(std::string_view comment) {
  const auto first = comment.find(' ');
  const auto second = comment.find(' ', first == std::string_view::npos ? first : first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const auto socket = parse_port_object(comment.substr(0, second));
  if (!socket) return std::nullopt;
  std::string_view rest = comment.substr(second + 1);
  PortBlock out{*socket, false, {}};
  const std::string mark = std::string(ipv6_only_mark) + " ";
  if (rest.starts_with(mark)) {
    out.is_ipv6_only = true;
    rest.remove_prefix(mark.size());
  }
  out.rule = rest;
  // What is not written exactly so is not ours.
  return is_valid_id(out.rule) && comment_of(out) == comment ? std::optional(out) : std::nullopt;
}

std::string match_of(const PortBlock& block) {
  const Network network = network_of(block.socket.address);
  if (!is_unspecified(block.socket.address))
    return fmt::format("{} daddr {} ", network.is_ipv6 ? "ip6" : "ip", to_text(network));
  if (!network.is_ipv6) return "meta nfproto ipv4 ";
  return block.is_ipv6_only ? "meta nfproto ipv6 " : "";
}

// Before whatever else looks at what comes in, connection tracking included.
std::string table_text(const std::vector<PortBlock>& blocks) {
  std::string out = fmt::format(
      "table {} {{\n\tchain input {{\n\t\ttype filter hook input priority -310; policy accept;\n",
      to_text(table));
  for (const PortBlock& block : blocks)
    out +=
        fmt::format("\t\t{}{} dport {} drop comment \"{}\"\n", match_of(block),
                    name_of(block.socket.transport), block.socket.address.port, comment_of(block));
  return out + "\t}\n}\n";
}

std::string transaction_for(const std::vector<PortBlock>& blocks) {
  const std::string name = to_text(table);
  // A table is named before it is deleted, so that one that is not there is no error.
  std::string out = fmt::format("table {}\ndelete table {}\n", name, name);
  return blocks.empty() ? out : out + table_text(blocks);
}

}  // namespace

bool PortBlock::operator==(const PortBlock& other) const {
  return comment_of(*this) == comment_of(other);
}

std::string port_block_table() { return to_text(table); }

PortBlock block_for(const PortRule& rule, const Stray& stray) {
  const Listener& first = stray.sockets.front();
  const bool is_ipv6_only = first.local.is_ipv6 &&
                            std::all_of(stray.sockets.begin(), stray.sockets.end(),
                                        [](const Listener& socket) { return socket.is_ipv6_only; });
  return {{first.transport, first.local}, is_ipv6_only, rule.id};
}

Result<PortBlocks> PortBlocks::look(const RulesetEyes& ruleset) {
  PortBlocks out;
  const auto there = ruleset.table(table, {});
  if (!there.ok()) return there.error();
  if (!*there) return out;
  const auto rules = ruleset.chain(table, "input");
  if (!rules.ok()) return rules.error();
  out.is_whole_ = rules->has_value();
  if (!out.is_whole_) return out;
  for (const ChainRule& rule : **rules) {
    const auto block = parse_comment(rule.comment);
    if (block) out.blocks_.push_back(*block);
    if (!block || out.blocks_.size() > limits::port_blocks_max) out.is_whole_ = false;
  }
  if (!out.is_whole_) return out;
  const auto wanted = ruleset.canonical_table({table, table_text(out.blocks_)}, {});
  if (!wanted.ok()) return wanted.error();
  out.is_whole_ = *wanted == **there;
  return out;
}

bool PortBlocks::is_in_force(const PortBlock& block) const {
  return is_whole_ && std::find(blocks_.begin(), blocks_.end(), block) != blocks_.end();
}

std::vector<std::string> PortBlocks::objects_of(const std::string& rule) const {
  std::vector<std::string> out;
  for (const PortBlock& block : blocks_)
    if (block.rule == rule) out.push_back(object_of(block.socket));
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

Result<std::string> PortBlocks::text_with(const PortBlock& block) const {
  std::vector<PortBlock> blocks = blocks_;
  std::erase_if(blocks, [&](const PortBlock& one) {
    return one.rule == block.rule && object_of(one.socket) == object_of(block.socket);
  });
  if (blocks.size() >= limits::port_blocks_max)
    return Error{"too_many_objects", fmt::format("block {}: {} sockets are blocked already",
                                                 object_of(block.socket), blocks.size())};
  blocks.push_back(block);
  return transaction_for(blocks);
}

std::string PortBlocks::text_without(const std::string& rule, const std::string& object) const {
  std::vector<PortBlock> blocks = blocks_;
  std::erase_if(blocks, [&](const PortBlock& one) {
    return one.rule == rule && object_of(one.socket) == object;
  });
  return transaction_for(blocks);
}

std::string PortBlocks::text_without(const std::string& rule) const {
  std::vector<PortBlock> blocks = blocks_;
  std::erase_if(blocks, [&](const PortBlock& one) { return one.rule == rule; });
  return transaction_for(blocks);
}

}  // namespace reeve
