#include "controller/cli/passphrases.h"

#include <fmt/format.h>

#include <cstdlib>

#include "common/text.h"
#include "controller/cli/cli_limits.h"
#include "controller/cli/terminal.h"

namespace reeve::cli {
namespace {

Error about(const Error& error, const std::string& path) {
  Error out = error;
  out.detail = fmt::format("{}: {}", path, error.detail);
  return out;
}

Error passphrase_empty() {
  return Error{.name = "passphrase_empty",
               .detail = "an empty passphrase protects nothing",
               .next = "choose one, or give --no-passphrase for a trial"};
}

}  // namespace

OptionSpec passphrase_option() {
  return {"passphrase-file", "FILE",
          "its first line opens your keys; else REEVE_PASSPHRASE_FILE, else you are asked"};
}

OptionSpec no_passphrase_option() {
  return {"no-passphrase", "", "keys that anybody who can read them can use: for tests and trials"};
}

PassphraseSource::PassphraseSource(const Arguments& arguments) {
  const char* named = std::getenv("REEVE_PASSPHRASE_FILE");
  if (named != nullptr) file_ = named;
  if (const auto file = arguments.value("passphrase-file")) file_ = *file;
}

Result<Passphrase> PassphraseSource::ask(const std::string& prompt) const {
  return file_.empty() ? ask_terminal(prompt) : read_passphrase_file(file_);
}

Result<KeyFile> PassphraseSource::open(const std::string& path, ByteView bytes) {
  const auto head = decode_key_file_head(bytes);
  if (!head.ok()) return about(head.error(), path);
  if (!head->is_protected) {
    auto key = decode_key_file(bytes);
    return key.ok() ? std::move(key) : Result<KeyFile>(about(key.error(), path));
  }
  if (known_) {
    auto key = decode_key_file(bytes, *known_);
    if (key.ok() || key.error().name != "wrong_passphrase") return key;
  }
  for (std::size_t asked = 1;; ++asked) {
    auto typed = ask(fmt::format("Passphrase of {}: ", printable(path)));
    if (!typed.ok()) return about(typed.error(), path);
    auto key = decode_key_file(bytes, *typed);
    const bool is_wrong = !key.ok() && key.error().name == "wrong_passphrase";
    if (key.ok()) known_ = std::move(*typed);
    if (key.ok()) return key;
    if (!is_wrong || !file_.empty() || asked >= limits::passphrase_tries)
      return about(key.error(), path);
    print_err("That passphrase does not open it.\n");
  }
}

Result<Passphrase> PassphraseSource::choose(std::string_view for_what) {
  if (file_.empty()) return choose_at_terminal(for_what);
  auto chosen = read_passphrase_file(file_);
  if (chosen.ok() && chosen->empty()) return passphrase_empty();
  return chosen;
}

Result<Passphrase> choose_at_terminal(std::string_view for_what) {
  auto chosen = ask_terminal(fmt::format("New passphrase for {}: ", for_what));
  if (!chosen.ok()) return chosen;
  if (chosen->empty()) return passphrase_empty();
  const auto again = ask_terminal("The same again: ");
  if (!again.ok()) return again.error();
  if (*again == *chosen) return chosen;
  return Error{.name = "passphrase_differs",
               .detail = "the second was another one; nothing was written",
               .next = "run the command again"};
}

}  // namespace reeve::cli
