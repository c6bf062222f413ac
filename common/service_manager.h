// What a service manager is told, where there is one: sd_notify(3)'s protocol, a datagram to the
// socket that NOTIFY_SOCKET names. Without it nothing happens, and nothing here ever fails.
#pragma once

#include <cstdint>
#include <optional>

namespace reeve {

void notify_ready();
// The sign of life that WATCHDOG_USEC asks for.
void notify_alive();
// How often: half of WATCHDOG_USEC, in nanoseconds; absent unless it is meant for this process
// (WATCHDOG_PID, sd_watchdog_enabled(3)).
std::optional<std::int64_t> watchdog_interval_ns();

}  // namespace reeve
