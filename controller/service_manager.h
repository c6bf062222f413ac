// Tells the service manager that the controller is ready: sd_notify(3)'s protocol, one datagram to
// the socket that NOTIFY_SOCKET names. Without that variable nothing happens.
#pragma once

#include <string_view>

#include "common/result.h"

namespace reeve {

// `state` such as "READY=1" or "STOPPING=1". Error `notify_failed`.
Status notify_service_manager(std::string_view state);

}  // namespace reeve
