#include "tests/bench/netlink.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <sched.h>
#include <sys/socket.h>
#include <time.h>

#include <array>
#include <cerrno>

#include "tests/bench/rig.h"

namespace reeve::bench {
namespace {

using Buffer = std::array<char, 65'536>;

Fd own_network() {
  Fd fd(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!fd.is_open()) fail("open the network namespace");
  return fd;
}

nlmsghdr* put_header(char* at, int type, int flags, std::uint32_t seq, int family) {
  nlmsghdr* head = mnl_nlmsg_put_header(at);
  head->nlmsg_type = static_cast<std::uint16_t>(type);
  head->nlmsg_flags = static_cast<std::uint16_t>(flags);
  head->nlmsg_seq = seq;
  auto* generic = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(head, sizeof(nfgenmsg)));
  generic->nfgen_family = static_cast<std::uint8_t>(family);
  generic->version = NFNETLINK_V0;
  // A batch names its subsystem where other messages have zero.
  const bool is_batch = type == NFNL_MSG_BATCH_BEGIN || type == NFNL_MSG_BATCH_END;
  generic->res_id = htons(is_batch ? NFNL_SUBSYS_NFTABLES : 0);
  return head;
}

int keep_attribute(const nlattr* attribute, void* data) {
  const int type = mnl_attr_get_type(attribute);
  if (type == NFTA_RULE_CHAIN || type == NFTA_RULE_EXPRESSIONS)
    static_cast<std::string*>(data)->append(
        static_cast<const char*>(mnl_attr_get_payload(attribute)),
        mnl_attr_get_payload_len(attribute));
  return MNL_CB_OK;
}

int keep_rule(const nlmsghdr* head, void* data) {
  return mnl_attr_parse(head, sizeof(nfgenmsg), keep_attribute, data);
}

}  // namespace

NetlinkSocket open_netlink(int bus, unsigned groups) {
  NetlinkSocket socket(mnl_socket_open2(bus, SOCK_CLOEXEC));
  if (!socket || mnl_socket_bind(socket.get(), groups, MNL_SOCKET_AUTOPID) < 0)
    fail("open a netlink socket");
  return socket;
}

bool ask(mnl_socket* socket, const nlmsghdr* request, mnl_cb_t each, void* data) {
  if (mnl_socket_sendto(socket, request, request->nlmsg_len) < 0) fail("ask the kernel");
  Buffer answer;
  int state = MNL_CB_OK;
  while (state > MNL_CB_STOP) {
    const ssize_t size = mnl_socket_recvfrom(socket, answer.data(), answer.size());
    if (size < 0) fail("hear the kernel");
    state = mnl_cb_run(answer.data(), static_cast<std::size_t>(size), request->nlmsg_seq,
                       mnl_socket_get_portid(socket), each, data);
  }
  if (state == MNL_CB_ERROR && errno != EINTR) fail("the kernel's answer");
  return state != MNL_CB_ERROR;
}

RuleTable::RuleTable(std::string name)
    : name_(std::move(name)), socket_(open_netlink(NETLINK_NETFILTER, 0)) {}

std::string RuleTable::dump() {
  constexpr int type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETRULE;
  static std::uint32_t seq = 0;
  while (true) {
    std::array<char, 512> request;
    nlmsghdr* head =
        put_header(request.data(), type, NLM_F_REQUEST | NLM_F_DUMP, ++seq, NFPROTO_INET);
    mnl_attr_put_strz(head, NFTA_RULE_TABLE, name_.c_str());
    std::string out;
    if (ask(socket_.get(), head, keep_rule, &out)) return out;
    // What is left of an answer of two times belongs to nobody.
    socket_ = open_netlink(NETLINK_NETFILTER, 0);
  }
}

void RuleTable::flush() {
  constexpr int type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELRULE;
  std::array<char, 1'024> buffer;
  std::size_t size = 0;
  size += put_header(buffer.data(), NFNL_MSG_BATCH_BEGIN, NLM_F_REQUEST, 1, AF_UNSPEC)->nlmsg_len;
  nlmsghdr* head =
      put_header(buffer.data() + size, type, NLM_F_REQUEST | NLM_F_ACK, 2, NFPROTO_INET);
  mnl_attr_put_strz(head, NFTA_RULE_TABLE, name_.c_str());
  size += head->nlmsg_len;
  size +=
      put_header(buffer.data() + size, NFNL_MSG_BATCH_END, NLM_F_REQUEST, 3, AF_UNSPEC)->nlmsg_len;
  if (mnl_socket_sendto(socket_.get(), buffer.data(), size) < 0) fail("flush the table");
  const ssize_t got = mnl_socket_recvfrom(socket_.get(), buffer.data(), buffer.size());
  if (got < 0 || mnl_cb_run(buffer.data(), static_cast<std::size_t>(got), 2,
                            mnl_socket_get_portid(socket_.get()), nullptr, nullptr) < 0)
    fail("flush the table");
}

RulesetChanges::RulesetChanges()
    : socket_(open_netlink(NETLINK_NETFILTER, 1u << (NFNLGRP_NFTABLES - 1))) {}

void RulesetChanges::wait() {
  Buffer events;
  if (recv(mnl_socket_get_fd(socket_.get()), events.data(), events.size(), 0) < 0)
    fail("hear of a change");
}

void RulesetChanges::forget() {
  Buffer events;
  while (recv(mnl_socket_get_fd(socket_.get()), events.data(), events.size(), MSG_DONTWAIT) > 0) {
  }
}

OtherNetwork::OtherNetwork() : home_(own_network()) {
  if (unshare(CLONE_NEWNET) != 0) fail("make a network namespace");
  other_ = own_network();
  leave();
}

void OtherNetwork::enter() const {
  if (setns(other_.get(), CLONE_NEWNET) != 0) fail("enter the floor's network");
}

void OtherNetwork::leave() const {
  if (setns(home_.get(), CLONE_NEWNET) != 0) fail("leave the floor's network");
}

}  // namespace reeve::bench
