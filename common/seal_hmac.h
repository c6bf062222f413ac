// HMAC-SHA-256 (RFC 2104, RFC 4231), for receivers that share a secret with whoever sends.
#pragma once

#include "common/bytes.h"

namespace reeve {

Digest hmac_sha256(ByteView secret, ByteView message);

}  // namespace reeve
