// reeve root: the root that this fleet directory pins, and the way to the next one. A change makes
// the next version; it is signed with the root key that is here and published at once, or written
// to a file that others sign as well.
#include <fmt/format.h>

#include <charconv>

#include "common/limits.h"
#include "common/paths.h"
#include "common/text.h"
#include "controller/cli/commands.h"
#include "controller/cli/consent.h"
#include "controller/cli/draft.h"
#include "controller/cli/files.h"
#include "controller/cli/root_edit.h"
#include "controller/cli/root_view.h"
#include "controller/cli/session.h"
#include "controller/cli/terminal.h"

namespace reeve::cli {
namespace {

using Edit = std::function<Status(Root&, const Arguments&)>;

Error usage_error(std::string detail, std::string next) {
  return Error{.name = "usage", .detail = std::move(detail), .next = std::move(next)};
}

// A public key: 64 hexadecimal digits, or a key file, of which only the public half is read.
Result<PublicKey> parse_key(const std::string& text, KeyKind kind) {
  if (const auto bytes = unhex(text); bytes && bytes->size() == PublicKey::size())
    return *fixed<32>(*bytes);
  const auto bytes = read_file(text, limits::key_file_bytes_max);
  if (!bytes.ok()) {
    return usage_error(fmt::format("`{}` is neither 64 hexadecimal digits nor a key file", text),
                       "reeve key show KEYFILE prints the digits");
  }
  const auto head = decode_key_file_head(*bytes);
  if (!head.ok()) return head.error();
  if (head->kind == kind) return head->public_key;
  return Error{.name = "malformed_key", .detail = text + " is a key of another kind"};
}

Result<RoleName> parse_role(const std::string& text) {
  if (const auto role = role_named(text)) return *role;
  return usage_error(fmt::format("`{}` is no role", text), "write root, policy or ledger");
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [stopped, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc{} || stopped != text.data() + text.size()) return std::nullopt;
  return number;
}

Status edit_add_key(Root& root, const Arguments& arguments) {
  const auto role = parse_role(arguments.operands()[0]);
  if (!role.ok()) return role.error();
  const auto key = parse_key(arguments.operands()[1], KeyKind::ed25519);
  if (!key.ok()) return key.error();
  return add_key(root, *role, *key);
}

Status edit_remove_key(Root& root, const Arguments& arguments) {
  const auto role = parse_role(arguments.operands()[0]);
  if (!role.ok()) return role.error();
  return remove_key(root, *role, arguments.operands()[1]);
}

Status edit_threshold(Root& root, const Arguments& arguments) {
  const auto role = parse_role(arguments.operands()[0]);
  if (!role.ok()) return role.error();
  const auto number = parse_number(arguments.operands()[1]);
  if (!number) return usage_error("a threshold is a whole number", "reeve root --help");
  return set_threshold(root, *role, *number);
}

Status edit_add_operator(Root& root, const Arguments& arguments) {
  Operator who;
  who.name = arguments.operands()[0];
  if (!is_valid_id(who.name))
    return usage_error(fmt::format("`{}` is no name for an operator", who.name),
                       "take letters, digits and ._:-");
  const auto key = parse_key(arguments.value("key").value_or(""), KeyKind::ed25519);
  if (!key.ok()) return key.error();
  const auto transport = parse_key(arguments.value("transport-key").value_or(""), KeyKind::x25519);
  if (!transport.ok()) return transport.error();
  who.key = *key;
  who.transport_key = *transport;
  for (const std::string& name : arguments.values("right")) {
    const auto right = right_named(name);
    if (!right)
      return usage_error(fmt::format("`{}` is no right", name),
                         "write view, operate, publish, enroll or administer");
    if (!has_right(who, *right)) who.rights.push_back(*right);
  }
  return put_operator(root, std::move(who));
}

Status edit_remove_operator(Root& root, const Arguments& arguments) {
  return remove_operator(root, arguments.operands()[0]);
}

CommandSpec change_spec(std::string name, std::string usage, std::string_view what,
                        std::size_t operands) {
  return {.name = std::move(name),
          .usage = std::move(usage) + (usage.empty() ? "" : " ") + "[--prepare FILE] [--days N]",
          .details = fmt::format(
              "{}\n\n"
              "Makes the next version of the root, signs it with keys/root.key and publishes\n"
              "it, if that is as many signatures as root and next root need. With --prepare\n"
              "FILE it is written there instead, for `reeve sign FILE` by each of those who\n"
              "must and then `reeve root submit FILE`; a FILE that is there already is changed\n"
              "further and loses its signatures.",
              what),
          .options = {{"prepare", "FILE", "write it there for others to sign"},
                      {"days", "N", "how long the next root is good for; else 365"},
                      yes_option(),
                      fleet_option()},
          .operands_min = operands,
          .operands_max = operands};
}

Result<std::int64_t> expiry(const Environment& environment, const Arguments& arguments) {
  const std::int64_t now_s = environment.clock.wall_ns() / 1'000'000'000;
  const auto text = arguments.value("days");
  if (!text) return now_s + limits::root_lifetime_s;
  const auto days = parse_number(*text);
  if (days && *days > 0 && *days <= 36'500)
    return now_s + static_cast<std::int64_t>(*days) * 86'400;
  return usage_error(fmt::format("`{}` is no number of days", *text), "write --days 365");
}

// The root to change: what is being prepared in that file, else the one after ours.
Result<Root> root_to_change(const Fleet& fleet, const Arguments& arguments,
                            std::int64_t expires_s) {
  const auto file = arguments.value("prepare");
  if (!file) return next_of(fleet.root, expires_s);
  const auto bytes = read_file(*file, limits::message_bytes_max);
  if (!bytes.ok() && bytes.error().name == "file_missing") return next_of(fleet.root, expires_s);
  if (!bytes.ok()) return bytes.error();
  auto prepared = read_next_root(*bytes, fleet.root);
  if (prepared.ok()) prepared->expires_s = expires_s;
  return prepared;
}

Status submit(const Environment& environment, const Arguments& arguments, const Bytes& object) {
  const auto session = Session::open(environment, arguments);
  if (!session.ok()) return session.error();
  REEVE_TRY((*session)->take_up_roots());
  if ((*session)->fleet().root_object != object) {
    // Never send what agents would refuse.
    const auto next = verify_next_root(object, (*session)->fleet().root);
    if (!next.ok()) return next.error();
    const auto answer = (*session)->controller().request("root", {{"root", object}});
    if (!answer.ok()) return answer.error();
    // Not asked back: it may have taken our own rights away.
    REEVE_TRY((*session)->take_up(object));
  }
  print_out(fmt::format("published root version {}; agents take it up as they are reached\n",
                        (*session)->fleet().root.version));
  return {};
}

Status sign_and_submit(const Environment& environment, const Arguments& arguments,
                       const Fleet& fleet, const Root& next) {
  const auto key = signing_key(fleet, paths::fleet_root_key);
  if (!key.ok()) return key.error();
  const Bytes object = seal_object(ObjectType::root, encode_root(next), *key);
  const auto verified = verify_next_root(object, fleet.root);
  if (!verified.ok() && verified.error().name == "too_few_signatures") {
    Error error = verified.error();
    error.next = "give --prepare FILE, let others reeve sign FILE, then reeve root submit FILE";
    return error;
  }
  if (!verified.ok()) return verified.error();
  print_out(root_change_text(fleet.root, next));
  REEVE_TRY(ask_consent(arguments, "Sign and publish this root?"));
  return submit(environment, arguments, object);
}

Status change_root(const Environment& environment, const Arguments& arguments, const Edit& edit) {
  const auto fleet = open_fleet_offline(arguments);
  if (!fleet.ok()) return fleet.error();
  const auto expires_s = expiry(environment, arguments);
  if (!expires_s.ok()) return expires_s.error();
  auto next = root_to_change(*fleet, arguments, *expires_s);
  if (!next.ok()) return next.error();
  REEVE_TRY(edit(*next, arguments));
  // The shape that every reader asks for, before anybody signs.
  if (auto shaped = decode_root(encode_root(*next)); !shaped.ok()) return shaped.error();
  const auto file = arguments.value("prepare");
  if (!file) return sign_and_submit(environment, arguments, *fleet, *next);
  const Bytes object = encode_signed_object({ObjectType::root, {}, encode_root(*next)});
  REEVE_TRY(write_file(*file, object));
  print_out(root_change_text(fleet->root, *next) +
            fmt::format("\nprepared: reeve sign {}\n", printable(*file)));
  return {};
}

int run_change(const CommandSpec& spec, const Environment& environment, CommandArguments arguments,
               const Edit& edit) {
  return with_arguments(spec, arguments, [&](const Arguments& parsed) {
    const Status done = change_root(environment, parsed, edit);
    return done.ok() ? exit_code::done : print_error(done.error());
  });
}

Result<Bytes> merged(const Arguments& arguments) {
  Bytes object;
  for (const std::string& path : arguments.operands()) {
    auto bytes = read_file(path, limits::message_bytes_max);
    if (!bytes.ok()) return bytes.error();
    if (object.empty()) {
      object = *std::move(bytes);
      continue;
    }
    auto both = merge_signatures(object, *bytes, ObjectType::root);
    if (!both.ok()) return both.error();
    object = *std::move(both);
  }
  return object;
}

int submit_files(const Environment& environment, const Arguments& arguments) {
  const auto object = merged(arguments);
  if (!object.ok()) return print_error(object.error());
  const Status done = submit(environment, arguments, *object);
  return done.ok() ? exit_code::done : print_error(done.error());
}

int show_root(const Environment& environment, const Arguments& arguments) {
  const auto fleet = open_fleet_offline(arguments);
  if (!fleet.ok()) return print_error(fleet.error());
  print_out(arguments.has("json") ? root_json(fleet->root)
                                  : root_text(fleet->root, environment.clock.wall_ns()));
  return exit_code::done;
}

}  // namespace

int run_root_show(const Environment& environment, CommandArguments arguments) {
  const CommandSpec spec{
      .name = "root show",
      .usage = "[--json]",
      .details = "Shows the fleet's root metadata: who may sign what, and until when.",
      .options = {json_option(), fleet_option()}};
  return with_arguments(spec, arguments,
                        [&](const Arguments& parsed) { return show_root(environment, parsed); });
}

int run_root_rotate(const Environment& environment, CommandArguments arguments) {
  return run_change(
      change_spec("root rotate", "", "Renews the root: a new expiry, nothing else.", 0),
      environment, arguments, [](Root&, const Arguments&) { return Status{}; });
}

int run_root_add_key(const Environment& environment, CommandArguments arguments) {
  return run_change(
      change_spec("root add-key", "ROLE KEY",
                  "Adds a key to the role root, policy or ledger. KEY is a key file or its\n"
                  "public half in 64 hexadecimal digits.",
                  2),
      environment, arguments, edit_add_key);
}

int run_root_remove_key(const Environment& environment, CommandArguments arguments) {
  return run_change(
      change_spec(
          "root remove-key", "ROLE HASH",
          "Takes a key away from a role. HASH is what `reeve root show` prints, or its\n"
          "first eight digits. Policy that only this key signed stays in force where it is\n"
          "and is adopted nowhere else: push again with the keys that remain.",
          2),
      environment, arguments, edit_remove_key);
}

int run_root_set_threshold(const Environment& environment, CommandArguments arguments) {
  return run_change(
      change_spec("root set-threshold", "ROLE N", "Sets how many keys of a role must sign.", 2),
      environment, arguments, edit_threshold);
}

int run_root_add_operator(const Environment& environment, CommandArguments arguments) {
  CommandSpec spec =
      change_spec("root add-operator", "NAME --key KEY --transport-key KEY [--right RIGHT]...",
                  "Adds an operator, or gives one of that name other keys and rights. Rights are\n"
                  "view, operate, publish, enroll and administer.",
                  1);
  spec.options.insert(spec.options.begin(),
                      {{"key", "KEY", "the signing key's public half, or its file"},
                       {"transport-key", "KEY", "the transport key's, made with --transport"},
                       {"right", "RIGHT", "one right; may be repeated"}});
  return run_change(spec, environment, arguments, edit_add_operator);
}

int run_root_remove_operator(const Environment& environment, CommandArguments arguments) {
  return run_change(
      change_spec(
          "root remove-operator", "NAME",
          "Takes an operator's rights away. Certificates of nodes that this operator signed\n"
          "are proven no more: let another one sign them anew first (reeve node label).",
          1),
      environment, arguments, edit_remove_operator);
}

int run_root_submit(const Environment& environment, CommandArguments arguments) {
  const CommandSpec spec{
      .name = "root submit",
      .usage = "FILE...",
      .details =
          "Publishes a root that enough people have signed. Several FILEs are copies of\n"
          "one, each signed by others. Needs an operator with the right to administer.",
      .options = {fleet_option()},
      .operands_min = 1,
      .operands_max = any_number};
  return with_arguments(spec, arguments,
                        [&](const Arguments& parsed) { return submit_files(environment, parsed); });
}

}  // namespace reeve::cli
