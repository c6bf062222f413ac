// reeve key: key files of people, made, shown and put under another passphrase.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "common/fd.h"
#include "common/text.h"
#include "controller/cli/cli_limits.h"
#include "controller/cli/commands.h"
#include "controller/cli/files.h"
#include "controller/cli/passphrases.h"
#include "controller/cli/terminal.h"

namespace reeve::cli {
namespace {

Result<Bytes> key_bytes(const KeyFile& key, const Arguments& arguments, const std::string& path,
                        const std::string& passphrase_file_option) {
  if (arguments.has("no-passphrase")) return encode_key_file(key.kind, key.public_key, key.secret);
  std::map<std::string, std::vector<std::string>> options;
  if (const auto file = arguments.value(passphrase_file_option))
    options["passphrase-file"] = {*file};
  // The environment's file is for what is there already: a new passphrase has its own option.
  const bool is_new = passphrase_file_option == "new-passphrase-file" && options.empty();
  auto chosen = is_new ? choose_at_terminal(printable(path))
                       : PassphraseSource(Arguments(options, {})).choose(printable(path));
  if (!chosen.ok()) return chosen.error();
  return encode_key_file(key.kind, key.public_key, key.secret, *chosen, fresh_protection());
}

std::string told(const KeyFile& key) {
  return fmt::format("public {}\nhash   {}\n", hex(key.public_key.view()),
                     hex(key_hash(key.public_key).view()));
}

KeyFile fresh_key(KeyKind kind) {
  if (kind == KeyKind::x25519) {
    auto pair = generate_transport_keys();
    return {kind, pair.public_key, std::move(pair.secret)};
  }
  const auto key = SigningKey::generate();
  return {kind, key.public_key(), Secret(key.seed().bytes())};
}

// A key that is there already is never written over.
Status write_new(const std::string& path, ByteView bytes) {
  const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file.is_open() && errno == EEXIST) {
    return Error{.name = "key_exists",
                 .detail = fmt::format("{} is there already", path),
                 .next = "take another name; keys are never written over"};
  }
  if (!file.is_open()) return os_error("file_unwritable", "create", path, errno);
  auto written = write_file(path, bytes);
  if (!written.ok()) ::unlink(path.c_str());
  return written;
}

int new_key(const Arguments& arguments) {
  const std::string& path = arguments.operands()[0];
  const KeyFile key = fresh_key(arguments.has("transport") ? KeyKind::x25519 : KeyKind::ed25519);
  const auto bytes = key_bytes(key, arguments, path, "passphrase-file");
  if (!bytes.ok()) return print_error(bytes.error());
  if (const auto written = write_new(path, *bytes); !written.ok())
    return print_error(written.error());
  print_out(told(key));
  return exit_code::done;
}

int show_key(const Arguments& arguments) {
  const auto bytes = read_file(arguments.operands()[0], limits::key_file_bytes_max);
  if (!bytes.ok()) return print_error(bytes.error());
  const auto head = decode_key_file_head(*bytes);
  if (!head.ok()) return print_error(head.error());
  print_out(fmt::format("kind   {}\npublic {}\nhash   {}\nsealed {}\n",
                        head->kind == KeyKind::ed25519 ? "signing" : "transport",
                        hex(head->public_key.view()), hex(key_hash(head->public_key).view()),
                        head->is_protected ? "under a passphrase" : "no"));
  return exit_code::done;
}

Status change_passphrase(const std::string& path, PassphraseSource& source,
                         const Arguments& arguments) {
  const auto bytes = read_file(path, limits::key_file_bytes_max);
  if (!bytes.ok()) return bytes.error();
  const auto key = source.open(path, *bytes);
  if (!key.ok()) return key.error();
  const auto changed = key_bytes(*key, arguments, path, "new-passphrase-file");
  if (!changed.ok()) return changed.error();
  REEVE_TRY(write_file(path, *changed));
  print_out(fmt::format(
      "{} is {}\n", printable(path),
      arguments.has("no-passphrase") ? "under no passphrase" : "under its new passphrase"));
  return {};
}

int change_passphrases(const Arguments& arguments) {
  PassphraseSource source(arguments);
  for (const std::string& path : arguments.operands()) {
    const Status done = change_passphrase(path, source, arguments);
    if (!done.ok()) return print_error(done.error());
  }
  return exit_code::done;
}

}  // namespace

int run_key_new(CommandArguments arguments) {
  const CommandSpec spec{
      .name = "key new",
      .usage = "FILE [--transport] [--no-passphrase]",
      .details =
          "Makes a key under a passphrase and prints its public half, which is what\n"
          "`reeve root add-key` and `add-operator` want. A signing key, or with --transport\n"
          "the other one that an operator needs. In a fleet directory your keys are\n"
          "keys/root.key, keys/policy.key, keys/operator.key and\n"
          "keys/operator-transport.key; keys has mode 0700.",
      .options = {{"transport", "", "an operator's transport key"},
                  passphrase_option(),
                  no_passphrase_option()},
      .operands_min = 1,
      .operands_max = 1};
  return with_arguments(spec, arguments, new_key);
}

int run_key_show(CommandArguments arguments) {
  const CommandSpec spec{.name = "key show",
                         .usage = "FILE",
                         .details = "Prints the public half of a key file. Needs no passphrase.",
                         .options = {},
                         .operands_min = 1,
                         .operands_max = 1};
  return with_arguments(spec, arguments, show_key);
}

int run_key_passphrase(CommandArguments arguments) {
  const CommandSpec spec{
      .name = "key passphrase",
      .usage = "FILE... [--new-passphrase-file FILE] [--no-passphrase]",
      .details =
          "Puts keys under another passphrase, or under one for the first time. The old\n"
          "file's bytes may stay on the disk: who had them and the old passphrase has the key.",
      .options = {passphrase_option(),
                  {"new-passphrase-file", "FILE",
                   "its first line is the new one; else you are asked"},
                  no_passphrase_option()},
      .operands_min = 1,
      .operands_max = any_number};
  return with_arguments(spec, arguments, change_passphrases);
}

}  // namespace reeve::cli
