#include "controller/tokens.h"

#include <fmt/format.h>

#include <algorithm>

#include "controller/enrollment_limits.h"

namespace reeve {

std::string_view name_of(TokenState state) {
  switch (state) {
    case TokenState::live:
      return "live";
    case TokenState::revoked:
      return "revoked";
  }
  assertion_failed("a state has a name", __FILE__, __LINE__);
}

TokenRow row_of(const KnownToken& token) {
  return {token.token.id(), token.object, token.used, static_cast<std::uint32_t>(token.state)};
}

Status Tokens::load(const Store& store) {
  const auto rows = store.tokens();
  if (!rows.ok()) return rows.error();
  for (const auto& row : *rows) {
    const auto object = parse_signed_object(row.object, ObjectType::enrollment_token);
    auto token = object.ok() ? decode_token(object->payload) : Result<Token>(object.error());
    if (!token.ok()) {
      return Error{"store_damaged",
                   fmt::format("token {}: {}", hex(row.id.view()), token.error().detail)};
    }
    const auto state = row.state == 0 ? TokenState::live : TokenState::revoked;
    put({std::move(*token), row.object, row.used, state});
  }
  return {};
}

const KnownToken* Tokens::find(const KeyHash& id) const {
  const auto found = tokens_.find(id);
  return found == tokens_.end() ? nullptr : &found->second;
}

bool KnownToken::is_live(std::int64_t now_s) const {
  return state == TokenState::live && used < token.uses && now_s < token.expires_s;
}

Result<KnownToken> Tokens::check(ByteView object, const Root& root, std::int64_t now_s) const {
  auto token = verify_token(object, root);
  if (!token.ok()) return token.error();
  if (find(token->id()) != nullptr) {
    return Error{"token_known", "a token with this key is registered already"};
  }
  const auto live = std::ranges::count_if(
      tokens_, [&](const auto& entry) { return entry.second.is_live(now_s); });
  if (static_cast<std::size_t>(live) >= limits::tokens_max) {
    return Error{"too_many_tokens", fmt::format("{} tokens are live", live),
                 "revoke those that nobody needs (reeve token list), or make one of many uses"};
  }
  return KnownToken{std::move(*token), Bytes(object.begin(), object.end()), 0, TokenState::live};
}

void Tokens::put(KnownToken token) {
  const auto id = token.token.id();
  tokens_.insert_or_assign(id, std::move(token));
}

}  // namespace reeve
