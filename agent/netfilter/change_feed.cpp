#include "agent/netfilter/change_feed.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "agent/netfilter/attributes.h"
#include "agent/netfilter/netfilter_limits.h"
#include "agent/netfilter/netlink_channel.h"

namespace reeve {
namespace {

// In every message of nf_tables but that of a generation: the table that it speaks of.
constexpr std::uint16_t table_attribute = NFTA_TABLE_NAME;

}  // namespace

Result<std::unique_ptr<ChangeFeed>> ChangeFeed::open(int receive_bytes) {
  Fd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER));
  if (!socket.is_open()) return os_error("sensor_failed", "open", "nf_tables' changes", errno);
  // By force where that is permitted; the kernel's own limit holds otherwise.
  if (setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUFFORCE, &receive_bytes, sizeof receive_bytes) !=
      0)
    setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return os_error("sensor_failed", "bind", "nf_tables' changes", errno);
  const int group = NFNLGRP_NFTABLES;
  if (setsockopt(socket.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0)
    return os_error("sensor_failed", "join", "nf_tables' changes", errno);
  return std::make_unique<ChangeFeed>(std::move(socket));
}

ChangeFeed::ChangeFeed(Fd socket)
    : socket_(std::move(socket)), buffer_(limits::ruleset_receive_bytes) {}

RulesetNews ChangeFeed::read() {
  RulesetNews news;
  taken_ = 0;
  while (taken_ < limits::ruleset_feed_messages_max) {
    const Got got = receive(news);
    if (got == Got::overflow) {
      news.overflowed = true;
      open_ = {};  // what its end would say may belong to another
    }
    if (got != Got::nothing) continue;
    // The kernel sends what changed first, and who did it a moment later.
    pollfd ready{socket_.get(), POLLIN, 0};
    if (open_.tables.empty() || ::poll(&ready, 1, limits::ruleset_feed_end_ms) != 1) break;
  }
  if (!open_.tables.empty()) news.changes.push_back(std::exchange(open_, {}));
  return news;
}

ChangeFeed::Got ChangeFeed::receive(RulesetNews& news) {
  sockaddr_nl from{};
  socklen_t length = sizeof from;
  const auto got =
      ::recvfrom(socket_.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT | MSG_TRUNC,
                 reinterpret_cast<sockaddr*>(&from), &length);
  if (got < 0 && errno == ENOBUFS) return Got::overflow;
  if (got < 0) return Got::nothing;
  if (static_cast<std::size_t>(got) > buffer_.size()) return Got::overflow;
  if (from.nl_pid != 0) return Got::messages;  // not the kernel's
  ByteView rest = ByteView(buffer_).first(static_cast<std::size_t>(got));
  while (rest.size() >= sizeof(nlmsghdr)) {
    nlmsghdr head{};
    std::memcpy(&head, rest.data(), sizeof head);
    if (head.nlmsg_len < sizeof head || head.nlmsg_len > rest.size()) break;
    take(rest.first(head.nlmsg_len), news);
    rest = rest.subspan(std::min<std::size_t>(NLMSG_ALIGN(head.nlmsg_len), rest.size()));
  }
  return Got::messages;
}

void ChangeFeed::take(ByteView message, RulesetNews& news) {
  ++taken_;
  nlmsghdr head{};
  nfgenmsg general{};
  if (message.size() < sizeof head + sizeof general) return;
  std::memcpy(&head, message.data(), sizeof head);
  std::memcpy(&general, message.data() + sizeof head, sizeof general);
  if (head.nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES) return;
  const ByteView attributes = message.subspan(sizeof head + sizeof general);
  if ((head.nlmsg_type & 0xff) == NFT_MSG_NEWGEN) {
    if (open_.tables.empty()) return;
    open_.pid = u32_attribute(attributes, NFTA_GEN_PROC_PID).value_or(0);
    open_.program = text_attribute(attributes, NFTA_GEN_PROC_NAME);
    news.changes.push_back(std::exchange(open_, {}));
    return;
  }
  TableId table{std::string(family_name(general.nfgen_family)),
                std::string(text_attribute(attributes, table_attribute))};
  // The last one first: a change of many elements is one of one table.
  if (!open_.tables.empty() && open_.tables.back() == table) return;
  if (std::ranges::find(open_.tables, table) == open_.tables.end())
    open_.tables.push_back(std::move(table));
}

}  // namespace reeve
