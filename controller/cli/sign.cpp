// reeve sign: one more signature on a draft of policy, on a next root or on a ledger's recovery, on
// a machine that needs no network. It shows what is signed before it asks.
#include <fmt/format.h>

#include <algorithm>

#include "common/limits.h"
#include "common/paths.h"
#include "common/text.h"
#include "controller/cli/cli_limits.h"
#include "controller/cli/commands.h"
#include "controller/cli/consent.h"
#include "controller/cli/diff_view.h"
#include "controller/cli/files.h"
#include "controller/cli/fleet.h"
#include "controller/cli/recovery_view.h"
#include "controller/cli/root_view.h"
#include "controller/cli/terminal.h"

namespace reeve::cli {
namespace {

CommandSpec sign_spec() {
  return {.name = "sign",
          .usage = "FILE [--key KEYFILE] [--yes]",
          .details =
              "Adds your signature to FILE, which `reeve push`, `reeve ledger recover` or a\n"
              "`reeve root` command wrote with --prepare. Shows in words what is signed and asks. "
              "Needs no\n"
              "network: the fleet's public directory, your key and FILE are enough.\n\n"
              "Without --key it signs with keys/policy.key or keys/root.key of the fleet\n"
              "directory, whichever FILE is for.",
          .options = {{"key", "KEYFILE", "a key file of yours"}, yes_option(), fleet_option()},
          .operands_min = 1,
          .operands_max = 1};
}

Result<SigningKey> own_key(const Fleet& fleet, const Arguments& arguments, std::string_view name) {
  if (const auto path = arguments.value("key")) return signing_key_at(fleet, *path);
  return signing_key(fleet, name);
}

Status require_in(std::string_view what, const std::vector<PublicKey>& keys,
                  const SigningKey& key) {
  if (std::ranges::find(keys, key.public_key()) != keys.end()) return {};
  return Error{.name = "key_not_in_role",
               .detail = fmt::format("your key {} is none of the {} keys of this root",
                                     hex(key.hash().view()).substr(0, 16), what),
               .next = "take the key that the root names (reeve root show), or --key KEYFILE"};
}

// A newer manifest than this draft, or another of its version, was seen on this machine.
Status require_newer(const Fleet& fleet, const Manifest& manifest) {
  const auto known = newest_manifest(fleet);
  if (!known.ok() || !*known || (**known).manifest.version < manifest.version) return {};
  return Error{.name = "manifest_rollback",
               .detail = fmt::format("version {} was published already; this is version {}",
                                     (**known).manifest.version, manifest.version),
               .next = "prepare it again"};
}

std::string told(std::size_t signatures, std::uint32_t needed, const std::string& file,
                 std::string_view submit) {
  if (signatures >= needed)
    return fmt::format("signed, {} of {}: {} {}\n", signatures, needed, submit, file);
  return fmt::format("signed, {} of {}: hand {} to the next signer\n", signatures, needed, file);
}

Status sign_draft(const Fleet& fleet, const Arguments& arguments, ByteView bytes) {
  auto draft = decode_draft(bytes);
  if (!draft.ok()) return draft.error();
  const auto read = read_draft(*draft, fleet.root);
  if (!read.ok()) return read.error();
  REEVE_TRY(require_newer(fleet, read->manifest));
  print_out(draft_text(*read, fleet.root));
  const auto key = own_key(fleet, arguments, paths::fleet_policy_key);
  if (!key.ok()) return key.error();
  REEVE_TRY(require_in("policy", fleet.root.policy.keys, *key));
  auto object = add_signature(draft->manifest, ObjectType::manifest, *key);
  if (!object.ok()) return object.error();
  REEVE_TRY(ask_consent(arguments, "Sign this policy?"));
  draft->manifest = *std::move(object);
  const std::string& file = arguments.operands()[0];
  REEVE_TRY(write_file(file, encode_draft(*draft)));
  print_out(told(read->signers.size() + 1, fleet.root.policy.threshold, printable(file),
                 "reeve push --submit"));
  return {};
}

Status sign_root(const Fleet& fleet, const Arguments& arguments, ByteView bytes) {
  const auto next = read_next_root(bytes, fleet.root);
  if (!next.ok()) return next.error();
  print_out(root_change_text(fleet.root, *next));
  const auto key = own_key(fleet, arguments, paths::fleet_root_key);
  if (!key.ok()) return key.error();
  std::vector<PublicKey> keys = fleet.root.root.keys;
  keys.insert(keys.end(), next->root.keys.begin(), next->root.keys.end());
  REEVE_TRY(require_in("root", keys, *key));
  const auto object = add_signature(bytes, ObjectType::root, *key);
  if (!object.ok()) return object.error();
  REEVE_TRY(ask_consent(arguments, "Sign this root?"));
  const std::string& file = arguments.operands()[0];
  REEVE_TRY(write_file(file, *object));
  const bool is_enough = verify_next_root(*object, fleet.root).ok();
  print_out(is_enough ? fmt::format("signed: reeve root submit {}\n", printable(file))
                      : fmt::format("signed; it needs more: hand {} to the next signer\n",
                                    printable(file)));
  return {};
}

Status sign_recovery(const Fleet& fleet, const Arguments& arguments, ByteView bytes) {
  const auto read = read_recovery(bytes, fleet.root);
  if (!read.ok()) return read.error();
  print_out(recovery_text(read->recovery));
  const auto key = own_key(fleet, arguments, paths::fleet_root_key);
  if (!key.ok()) return key.error();
  REEVE_TRY(require_in("root", fleet.root.root.keys, *key));
  const auto object = add_signature(bytes, ObjectType::ledger_recovery, *key);
  if (!object.ok()) return object.error();
  REEVE_TRY(ask_consent(arguments, "Sign this recovery?"));
  const std::string& file = arguments.operands()[0];
  REEVE_TRY(write_file(file, *object));
  print_out(told(read->signers + 1, fleet.root.root.threshold, printable(file),
                 "reeve ledger recover --submit"));
  return {};
}

bool is_recovery(ByteView bytes) {
  return parse_signed_object(bytes, ObjectType::ledger_recovery).ok();
}

int sign_file(const Arguments& arguments) {
  const auto fleet = open_fleet_offline(arguments);
  if (!fleet.ok()) return print_error(fleet.error());
  const auto bytes = read_file(arguments.operands()[0], limits::draft_bytes_max);
  if (!bytes.ok()) return print_error(bytes.error());
  const Status done = is_draft(*bytes)      ? sign_draft(*fleet, arguments, *bytes)
                      : is_recovery(*bytes) ? sign_recovery(*fleet, arguments, *bytes)
                                            : sign_root(*fleet, arguments, *bytes);
  return done.ok() ? exit_code::done : print_error(done.error());
}

}  // namespace

int run_sign(CommandArguments arguments) {
  return with_arguments(sign_spec(), arguments, sign_file);
}

}  // namespace reeve::cli
