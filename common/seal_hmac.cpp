#include "common/seal_hmac.h"

#include <sodium.h>

namespace reeve {

Digest hmac_sha256(ByteView secret, ByteView message) {
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, secret.data(), secret.size());
  crypto_auth_hmacsha256_update(&state, message.data(), message.size());
  Digest out;
  crypto_auth_hmacsha256_final(&state, out.data.data());
  return out;
}

}  // namespace reeve
