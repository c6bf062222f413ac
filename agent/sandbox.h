// The sandboxes of docs/architecture.md section 3, applied by the programs to themselves by
// libseccomp and libcap-ng. Each denial is tried in a test. What is not listed as allowed answers
// EPERM.
#pragma once

#include <string>

#include "common/result.h"

namespace reeve {

// The deciding process: no exec, no sockets but AF_NETLINK and AF_UNIX, no ptrace, no module or
// mount calls, no new privileges, the smallest capability set that works. Error: `sandbox_failed`.
Status seal_deciding_process();

// The child in a scratch network namespace, which already is in an empty root directory: no open(2)
// that succeeds, no exec, sockets AF_NETLINK only, CAP_NET_ADMIN of its own namespace and no other
// capability. Error: `sandbox_failed`.
Status seal_scratch();

struct CourierSandbox {
  std::string user;  // "same": keeps the user and, unprivileged, the root directory
  std::string empty_root;
};
// The courier, after it has resolved its controller's name: chroot, user, no capabilities, no
// open(2), no exec, sockets AF_INET and AF_INET6 only. Answers "full" or "reduced".
Result<std::string> seal_courier(const CourierSandbox& sandbox);

}  // namespace reeve
