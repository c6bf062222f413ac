// The one form of address that Reeve accepts, taken apart: tcp://HOST:PORT. Refusing everything
// else here keeps libzmq's other transports and its source-address syntax out of reach.
#pragma once

#include <string>
#include <string_view>

#include "common/result.h"

namespace reeve {

struct TcpAddress {
  std::string host;        // without brackets; "*" for every interface
  std::string port;        // "*" or a number up to 65535
  bool bracketed = false;  // an IPv6 number
};

// Error: `address_unusable`.
Result<TcpAddress> parse_tcp_address(std::string_view address);

}  // namespace reeve
