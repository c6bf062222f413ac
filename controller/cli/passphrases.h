// Where commands get passphrases of keys: a file that --passphrase-file or REEVE_PASSPHRASE_FILE
// names, else the terminal, without echo. Never an argument: those are everybody's to read. One
// that opened a key is tried on the next first, so that a command asks once.
#pragma once

#include <optional>

#include "common/passphrase.h"
#include "controller/cli/options.h"

namespace reeve::cli {

OptionSpec passphrase_option();     // --passphrase-file FILE
OptionSpec no_passphrase_option();  // --no-passphrase

class PassphraseSource {
 public:
  // Touches nothing yet.
  explicit PassphraseSource(const Arguments& arguments);

  // Opens a key file's bytes, asking only if it is protected; errors name `path`. Errors: those of
  // decode_key_file(), `passphrase_needed` (nobody to ask), those of reading the file.
  Result<KeyFile> open(const std::string& path, ByteView bytes);
  // A new passphrase, typed twice at a terminal. Errors: `passphrase_needed`, `passphrase_empty`,
  // `passphrase_differs`.
  Result<Passphrase> choose(std::string_view for_what);

 private:
  Result<Passphrase> ask(const std::string& prompt) const;

  std::string file_;  // empty: the terminal
  std::optional<Passphrase> known_;
};

// A new passphrase, typed twice, whatever files are named. Errors as choose().
Result<Passphrase> choose_at_terminal(std::string_view for_what);
// The first line of a file of at most limits::passphrase_bytes_max; a regular file must be
// unreadable to others. Errors: `file_missing`, `file_unreadable`, `passphrase_permissions`.
Result<Passphrase> read_passphrase_file(const std::string& path);
// From the controlling terminal, without echo. Errors: `passphrase_needed`, `interrupted`.
Result<Passphrase> ask_terminal(std::string_view prompt);

}  // namespace reeve::cli
