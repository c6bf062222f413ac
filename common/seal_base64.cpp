#include "common/seal_base64.h"

#include <sodium.h>

namespace reeve {

namespace {

constexpr int variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;

}  // namespace

std::string base64url(ByteView bytes) {
  std::string out(sodium_base64_encoded_len(bytes.size(), variant), '\0');
  sodium_bin2base64(out.data(), out.size(), bytes.data(), bytes.size(), variant);
  out.pop_back();  // the NUL that C asks for
  return out;
}

std::optional<Bytes> from_base64url(std::string_view text) {
  if (text.empty()) return Bytes{};  // libsodium takes no null pointer
  Bytes out(text.size());
  std::size_t length = 0;
  const char* end = nullptr;
  const int outcome = sodium_base642bin(out.data(), out.size(), text.data(), text.size(), nullptr,
                                        &length, &end, variant);
  if (outcome != 0 || end != text.data() + text.size()) return std::nullopt;
  out.resize(length);
  // libsodium takes some bytes beyond ASCII for digits.
  if (base64url(out) != text) return std::nullopt;
  return out;
}

}  // namespace reeve
