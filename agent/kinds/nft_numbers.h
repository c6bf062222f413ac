// Names of protocols that nft would look up in the host's files (protocols(5)), written as the
// numbers that IANA gives them: a scratch namespace has no such files, and what a policy means must
// not depend on them. nft's listings use these names, so that people paste them. Pure function.
#pragma once

#include <string>
#include <string_view>

namespace reeve {

// The same text with names behind `l4proto`, `protocol` and `nexthdr`, alone or in braces, as
// numbers. Names that nft knows by itself (tcp, udp, icmp, ...) and unknown ones stay.
std::string with_protocol_numbers(std::string_view text);

}  // namespace reeve
