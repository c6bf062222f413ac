// The deciding half of ZAP (ZeroMQ RFC 27): one request's frames in, the reply's frames out.
// Pure, so that every refusal is a unit test; it knows no socket and no zmq. A request that is not
// CURVE, of an unknown domain or malformed is denied: there is no way to be admitted by accident.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/seal.h"

namespace reeve {

// One ZAP domain and the question that decides who enters it.
struct ZapDomain {
  std::string name;
  std::function<bool(const TransportKey&)> admits;
};

// The six frames of the reply; empty when the request is too short to be answered at all (RFC 27
// "Defining a ZAP request"). The user id of an admitted peer is its key in hexadecimal.
std::vector<std::string> zap_reply(const std::vector<std::string>& request,
                                   const std::vector<ZapDomain>& domains);

}  // namespace reeve
