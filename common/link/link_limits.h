// The bounds of the link (libzmq).
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/limits.h"

namespace reeve::limits {

// The link (libzmq). Queues are bounded a peer: what does not fit is refused to the sender.
inline constexpr std::size_t link_queue_messages_max = 16;
// libzmq applies its bound to the encrypted frame (ZeroMQ RFC 26: command name, nonce, tag, flags).
inline constexpr std::size_t link_curve_bytes = 33;
// Sessions of one key that are known at once; a further one ends the oldest.
inline constexpr std::size_t link_sessions_per_peer = 4;
inline constexpr std::size_t link_drops_max = 64;  // messages dropped in one call of receive()
inline constexpr std::size_t link_handshakes_per_wake = 256;
inline constexpr int link_backlog = 4'096;        // connections that the kernel holds unaccepted
inline constexpr int link_handshake_ms = 15'000;  // then an unfinished handshake is closed
inline constexpr int link_connect_ms = 5'000;
inline constexpr int link_heartbeat_ms = 10'000;
inline constexpr int link_silence_ms = 30'000;  // a peer that is silent this long is gone
inline constexpr std::int64_t link_retry_min_ns = 200'000'000;  // halved at most by jitter
inline constexpr std::int64_t link_retry_max_ns = 10'000'000'000;
inline constexpr std::size_t host_bytes_max = 255;  // RFC 1035: the longest name
inline constexpr std::size_t resolved_addresses_max = 16;
static_assert(link_heartbeat_ms * 2 < link_silence_ms);

}  // namespace reeve::limits
