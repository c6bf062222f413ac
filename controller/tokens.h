// The enrollment tokens that operators have registered, and how often each was used, in memory and
// in the store. What must be durable is written by the caller's transaction.
#pragma once

#include <map>

#include "common/token.h"
#include "controller/store/store.h"

namespace reeve {

enum class TokenState : std::uint32_t { live = 0, revoked = 1 };
std::string_view name_of(TokenState state);

struct KnownToken {
  Token token;
  Bytes object;
  std::uint64_t used = 0;
  TokenState state{};

  bool is_live(std::int64_t now_s) const;  // neither revoked nor used up nor over
};
TokenRow row_of(const KnownToken& token);

class Tokens {
 public:
  // Errors: the store's, and `store_damaged`.
  Status load(const Store& store);

  const KnownToken* find(const KeyHash& id) const;
  const std::map<KeyHash, KnownToken>& all() const { return tokens_; }
  // What registering this token would store; put() it once that is durable. Errors:
  // verify_token()'s, `token_known`, `too_many_tokens` (that are live).
  Result<KnownToken> check(ByteView object, const Root& root, std::int64_t now_s) const;
  void put(KnownToken token);

 private:
  std::map<KeyHash, KnownToken> tokens_;
};

}  // namespace reeve
