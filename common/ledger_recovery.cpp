// Recovery payload, a map: "format" 1, "fleet" (16 bytes), "old", "new" (origins), "size", "hash"
// (of the tree that is still trusted), "made" (seconds since 1970), "reason". Unknown fields are
// refused.
#include "common/ledger_recovery.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "common/limits.h"
#include "common/trust_fields.h"

namespace reeve {

using namespace trust_fields;

namespace {

constexpr std::string_view what = "recovery";
constexpr char mark = '~';

Error wrong_ledger(std::string problem) {
  return Error{"wrong_ledger", "recovery: " + std::move(problem)};
}

Result<std::uint64_t> number_of(const LedgerRecovery& recovery, const Root& root) {
  const auto before = recoveries_before(recovery.old_origin, root);
  if (!before) return wrong_ledger("its old origin is none of this fleet's");
  const auto after = recoveries_before(recovery.new_origin, root);
  if (after && *after == *before + 1) return *after;
  return wrong_ledger("its new origin is not the one that follows its old one");
}

std::vector<KeyHash> signers_of(const SignedObject& object, const Role& role) {
  std::vector<KeyHash> out;
  for (const Signature& signature : object.signatures) {
    const bool is_of_role = std::ranges::any_of(
        role.keys, [&](const PublicKey& key) { return key_hash(key) == signature.key; });
    if (is_of_role) out.push_back(signature.key);
  }
  return out;
}

}  // namespace

Bytes encode_recovery(const LedgerRecovery& recovery) {
  return encode(Value::Map{{"format", format},
                           {"fleet", recovery.fleet},
                           {"old", recovery.old_origin},
                           {"new", recovery.new_origin},
                           {"size", recovery.trusted.size},
                           {"hash", recovery.trusted.root},
                           {"made", recovery.made_s},
                           {"reason", recovery.reason}});
}

Result<LedgerRecovery> decode_recovery(ByteView payload) {
  auto value = decode_payload(payload, what);
  if (!value) return value.error();
  Fields fields(*value, what);
  fields.natural("format");
  LedgerRecovery recovery;
  recovery.fleet = fields.bytes<16>("fleet");
  recovery.old_origin = fields.text("old");
  recovery.new_origin = fields.text("new");
  recovery.trusted.size = fields.natural("size");
  recovery.trusted.root = fields.bytes<32>("hash");
  recovery.made_s = fields.integer("made");
  recovery.reason = fields.text("reason");
  REEVE_TRY(fields.finish(UnknownFields::refuse));
  if (recovery.trusted.size == 0) return malformed(what, "it trusts no leaf");
  if (recovery.made_s < 0 || recovery.made_s > limits::signed_time_s_max)
    return malformed(what, "it was made at no time that can be");
  if (recovery.reason.empty()) return malformed(what, "it gives no reason");
  if (recovery.reason.size() > limits::act_reason_bytes_max)
    return over_limit(what, "a long reason");
  return recovery;
}

Result<VerifiedRecovery> verify_recovery(ByteView object, const Root& root) {
  if (object.size() > limits::recovery_bytes_max) return over_limit(what, "is too large");
  auto opened = open_object(object, ObjectType::ledger_recovery);
  if (!opened) return opened.error();
  REEVE_TRY(require_signatures(*opened, root.root.keys, root.root.threshold));
  auto recovery = decode_recovery(opened->payload);
  if (!recovery) return recovery.error();
  REEVE_TRY(require_fleet(what, recovery->fleet, root));
  const auto number = number_of(*recovery, root);
  if (!number) return number.error();
  return VerifiedRecovery{*std::move(recovery), *number, signers_of(*opened, root.root)};
}

std::string ledger_origin(const Root& root, std::uint64_t recoveries) {
  if (recoveries == 0) return root.origin;
  return fmt::format("{}{}{}", root.origin, mark, recoveries);
}

std::optional<std::uint64_t> recoveries_before(std::string_view origin, const Root& root) {
  const auto cut = origin.find(mark);
  std::uint64_t number = 0;
  if (cut != origin.npos) {
    const std::string_view digits = origin.substr(cut + 1);
    std::from_chars(digits.data(), digits.data() + digits.size(), number);
  }
  // Compared as a whole, so that each number has one spelling.
  if (origin == ledger_origin(root, number)) return number;
  return std::nullopt;
}

Result<Checkpoint> verify_ledger_checkpoint(std::string_view note, const Root& root) {
  const auto decoded = decode_note(note);
  if (!decoded.ok()) return decoded.error();
  const auto said = decode_checkpoint_text(decoded->text);
  const bool is_ours = said.ok() && recoveries_before(said->origin, root).has_value();
  return verify_checkpoint(note, is_ours ? said->origin : root.origin, root.ledger.keys);
}

}  // namespace reeve
