// Token text: "reeve1-" and, in base64url, u16 length of the statement, the statement, the 32
// bytes of the one-time key's seed, and the first 4 bytes of the SHA-256 of all before them.
#include <algorithm>

#include "common/seal_base64.h"
#include "common/token.h"
#include "common/token_limits.h"

namespace reeve {

namespace {

constexpr std::string_view prefix = "reeve1-";
constexpr std::size_t check_bytes = 4;

Error damaged(std::string_view problem) {
  return Error{"token_damaged", "token: " + std::string(problem),
               "copy the whole line that `reeve token create` printed"};
}

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

bool is_whole(ByteView bytes, ByteView check) {
  return std::ranges::equal(sha256(bytes).view().first(check_bytes), check);
}

}  // namespace

std::string encode_token_text(ByteView object, const SigningKey& key) {
  Bytes bytes;
  append_u16(bytes, static_cast<std::uint16_t>(object.size()));
  append(bytes, object);
  append(bytes, key.seed().bytes().view());
  append(bytes, sha256(bytes).view().first(check_bytes));
  return std::string(prefix) + base64url(bytes);
}

Result<TokenText> decode_token_text(std::string_view text) {
  if (text.size() > limits::token_text_bytes_max) return damaged("is too long");
  std::string line(text);
  std::erase_if(line, is_blank);
  if (!line.starts_with(prefix)) return damaged("does not begin with reeve1-");
  const auto bytes = from_base64url(std::string_view(line).substr(prefix.size()));
  if (!bytes || bytes->size() < check_bytes) return damaged("is cut short or altered");
  const auto body = ByteView(*bytes).first(bytes->size() - check_bytes);
  if (!is_whole(body, ByteView(*bytes).last(check_bytes))) {
    return damaged("is cut short or altered");
  }
  ByteReader reader(body);
  const auto object = reader.take(reader.u16());
  auto key = SigningKey::from_seed(reader.take_fixed<32>());
  if (!reader.ok() || !reader.at_end()) return damaged("has the wrong length");
  const auto opened = parse_signed_object(object, ObjectType::enrollment_token);
  if (!opened) return damaged(opened.error().detail);
  auto token = decode_token(opened->payload);
  if (!token) return damaged(token.error().detail);
  if (token->key != key.public_key()) return damaged("its key is another one's");
  return TokenText{Bytes(object.begin(), object.end()), std::move(key), std::move(*token)};
}

}  // namespace reeve
