// The fleet directory that `reeve init` makes: keys, the pinned root and the controller's address.
// Secrets are read only from files that nobody else may read, each time they are needed.
#pragma once

#include <memory>

#include "common/trust.h"
#include "controller/cli/passphrases.h"

namespace reeve::cli {

OptionSpec fleet_option();  // --fleet DIR
OptionSpec json_option();   // --json

struct Fleet {
  std::string directory;
  Bytes root_object;
  Root root;
  ControllerContact contact;
  std::unique_ptr<PassphraseSource> passphrases;

  std::string path(std::string_view name) const { return directory + "/" + std::string(name); }
};

// --fleet, else REEVE_FLEET, else ~/.config/reeve. Error `fleet_missing` where none can be named.
Result<std::string> fleet_directory(const Arguments& arguments);
// Reads and verifies the public half; touches no key. Errors: `fleet_missing`, those of
// verify_first_root() and decode_contact().
Result<Fleet> open_fleet(const Arguments& arguments);
// The same without a controller's address, for machines that reach none: `contact` is empty then.
Result<Fleet> open_fleet_offline(const Arguments& arguments);
// The next of the chain takes the pinned root's place, on the disk first. Errors: those of
// verify_next_root(), `file_unwritable`.
Status take_up_root(Fleet& fleet, ByteView object);

// `name` is one of paths::fleet_*_key. Errors: `key_missing`, `key_permissions` (DIR/keys must be
// ours with mode 0700, the file ours with mode 0600), those of PassphraseSource::open().
Result<SigningKey> signing_key(const Fleet& fleet, std::string_view name);
Result<Secret> transport_secret(const Fleet& fleet, std::string_view name);
// The same for a key file anywhere; the directory it is in is not judged.
Result<SigningKey> signing_key_at(const Fleet& fleet, const std::string& path);

// The roots that this directory pinned before its present one, newest first, as far back as there
// are files. They are as good as the directory they lie in: each was the pinned root.
std::vector<Root> former_roots(const Fleet& fleet);
// A manifest that was signed under the root or under one that this directory pinned before it: what
// is in force stays so when its keys are replaced. Errors: verify_stored_manifest()'s under the
// root.
Result<VerifiedManifest> verify_known_manifest(ByteView object, const Fleet& fleet);
// The newest manifest that this directory has pushed or seen, a signed object; absent at first.
Result<std::optional<VerifiedManifest>> newest_manifest(const Fleet& fleet);
Status keep_newest_manifest(const Fleet& fleet, ByteView object);

}  // namespace reeve::cli
