// Bytes as text that survives copy and paste: base64url without padding (RFC 4648 section 5).
#pragma once

#include <optional>

#include "common/bytes.h"

namespace reeve {

std::string base64url(ByteView bytes);
// Absent for anything that base64url() would not have written.
std::optional<Bytes> from_base64url(std::string_view text);

}  // namespace reeve
