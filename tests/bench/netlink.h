// The rig's own netlink, by libmnl: what the rules of one nftables table are, taking them all away,
// and network namespaces for floors. Sockets belong to the namespace in which they were made.
#pragma once

#include <libmnl/libmnl.h>

#include <cstdint>
#include <memory>
#include <string>

#include "common/fd.h"

namespace reeve::bench {

struct CloseSocket {
  void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
};
using NetlinkSocket = std::unique_ptr<mnl_socket, CloseSocket>;

// `bus` is NETLINK_NETFILTER or NETLINK_SOCK_DIAG; `groups` as in bind(2).
NetlinkSocket open_netlink(int bus, unsigned groups);
// Sends one request and gives each answer to `each` until the end of it. False where the kernel
// says that the answer is of two times (NLM_F_DUMP_INTR).
bool ask(mnl_socket* socket, const nlmsghdr* request, mnl_cb_t each, void* data);

// One table of family inet, in the namespace that it was made in.
class RuleTable {
 public:
  explicit RuleTable(std::string name);
  // Chain and expressions of every rule, in order, as the kernel sends them: one raw dump.
  std::string dump();
  // Every rule of the table in one transaction, as `nft flush table` does it.
  void flush();

 private:
  std::string name_;
  NetlinkSocket socket_;
};

// Told of every change of the ruleset of the namespace that it was made in.
class RulesetChanges {
 public:
  RulesetChanges();
  void wait();    // for the next one
  void forget();  // those that wait

 private:
  NetlinkSocket socket_;
};

// Another network namespace, in which this process is only between enter() and leave().
class OtherNetwork {
 public:
  OtherNetwork();  // leaves the process where it was
  void enter() const;
  void leave() const;

 private:
  Fd home_;
  Fd other_;
};

}  // namespace reeve::bench
