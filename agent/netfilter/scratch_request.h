// What goes to a scratch child and what comes back, over a stream: four bytes of length, then a
// fixed layout. Both ends are this program, and both are bounded (limits.h).
#pragma once

#include "agent/host_ruleset.h"
#include "agent/netfilter/netfilter_limits.h"

namespace reeve {

struct ScratchRequest {
  ScratchText text;
  std::vector<std::string> keep;
  std::optional<std::string> chain;  // its rules are asked for, else the table's digest
};

struct ScratchReply {
  std::optional<Error> error;
  Digest table;
  std::vector<ChainRule> rules;
};

Bytes encode_request(const ScratchRequest& request);
Result<ScratchRequest> decode_request(ByteView bytes);  // `scratch_failed`
Bytes encode_reply(const ScratchReply& reply);
Result<ScratchReply> decode_reply(ByteView bytes);  // `scratch_failed`

// Whole messages over a stream whose waits are bounded by its own time-outs. Errors:
// `scratch_failed`.
Status send_framed(int socket, ByteView message);
Result<Bytes> receive_framed(int socket, std::size_t bytes_max);
Status bound_waits(int socket);  // limits::scratch_deadline_s for each send and receive

}  // namespace reeve
