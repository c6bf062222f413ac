// The service manager's readiness protocol (sd_notify(3)): one datagram to NOTIFY_SOCKET. To be
// sent before the sandbox, which allows no connection to another program's socket.
#pragma once

namespace reeve {

// Nothing happens where no service manager asked, and nothing depends on it.
void notify_ready();

}  // namespace reeve
