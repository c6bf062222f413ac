// What root, manifest, certificate, token and act share: opening the signed object around them, the
// format number that stands first in each, and lists of keys. For those files only.
#pragma once

#include "common/codec.h"
#include "common/trust.h"

namespace reeve::trust_fields {

Error malformed(std::string_view what, std::string_view problem);
Error over_limit(std::string_view what, std::string_view problem);

// Bounds the size before anything is verified. Errors: `limit_exceeded`, `malformed`, `wrong_type`.
Result<SignedObject> open_object(ByteView object, ObjectType type);

// The keys of everybody who has the right to enroll.
std::vector<PublicKey> enroller_keys(const Root& root);

// Decodes a payload whose "format" is 1. Errors: those of decode(), `unsupported_version`.
Result<Value> decode_payload(ByteView payload, std::string_view what);

Value selector_value(const Selector& selector);
// Errors: `malformed`, `limit_exceeded`.
Result<Selector> read_selector(std::string_view what, const Value::Array& alternatives);

// Error `wrong_fleet` where what was signed names another fleet than the trusted root.
Status require_fleet(std::string_view what, const FleetId& named, const Root& trusted);

// Whether no two items are equal; lists here are short (limits.h), so each is compared with each.
template <class T>
bool all_different(const std::vector<T>& items) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (items[i] == items[j]) return false;
    }
  }
  return true;
}

inline constexpr std::uint64_t format = 1;

}  // namespace reeve::trust_fields
