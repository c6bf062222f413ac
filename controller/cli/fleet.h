// The fleet directory that `reeve init` makes: keys, the pinned root and the controller's address.
// Secrets are read only from files that nobody else may read, each time they are needed.
#pragma once

#include "common/trust.h"
#include "controller/cli/options.h"

namespace reeve::cli {

OptionSpec fleet_option();  // --fleet DIR
OptionSpec json_option();   // --json

struct Fleet {
  std::string directory;
  Bytes root_object;
  Root root;
  ControllerContact contact;

  std::string path(std::string_view name) const { return directory + "/" + std::string(name); }
};

// --fleet, else REEVE_FLEET, else ~/.config/reeve. Error `fleet_missing` where none can be named.
Result<std::string> fleet_directory(const Arguments& arguments);
// Reads and verifies the public half; touches no key. Errors: `fleet_missing`, those of
// verify_first_root() and decode_contact().
Result<Fleet> open_fleet(const Arguments& arguments);

// `name` is one of paths::fleet_*_key. Errors: `key_missing`, `key_permissions` (DIR/keys must be
// ours with mode 0700, the file ours with mode 0600), those of decode_key_file().
Result<SigningKey> signing_key(const Fleet& fleet, std::string_view name);
Result<Secret> transport_secret(const Fleet& fleet, std::string_view name);

// The newest manifest that this directory has pushed or seen, a signed object; absent at first.
Result<std::optional<VerifiedManifest>> newest_manifest(const Fleet& fleet);
Status keep_newest_manifest(const Fleet& fleet, ByteView object);

}  // namespace reeve::cli
