// Changes to a root, on the way to the next one. Pure functions: what they give back is neither
// signed nor published. Errors of all of them name what does not fit this root.
#pragma once

#include "common/trust.h"

namespace reeve::cli {

enum class RoleName : std::uint8_t { root, policy, ledger };
std::optional<RoleName> role_named(std::string_view name);

// The same with the next version and a new expiry.
Root next_of(const Root& root, std::int64_t expires_s);

// Errors: `key_known`, `limit_exceeded`.
Status add_key(Root& root, RoleName role, const PublicKey& key);
// `prefix`: at least eight hexadecimal digits of a key's hash. Errors: `key_unknown`,
// `threshold_too_high` (fewer keys than signatures would be left).
Status remove_key(Root& root, RoleName role, std::string_view prefix);
// Error `threshold_too_high`.
Status set_threshold(Root& root, RoleName role, std::uint64_t threshold);
// One of that name is replaced. Errors: `key_known` (another operator has it), `limit_exceeded`.
Status put_operator(Root& root, Operator who);
// Error `operator_unknown`.
Status remove_operator(Root& root, std::string_view name);

}  // namespace reeve::cli
