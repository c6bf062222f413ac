// The controller's state directory as `reeve init` made it: opened, locked against a second
// controller and read once at the start. Secrets are read into memory that is wiped.
#pragma once

#include "common/fd.h"
#include "common/seal.h"

namespace reeve {

struct StateDirectory {
  std::string path;
  Fd lock;  // held for as long as the controller runs
  SigningKey ledger_key;
  TransportKeyPair transport;
  Bytes root;  // signed object, not yet verified
  std::string store_path() const;
};

// Errors: `state_missing`, `state_permissions` (directory not 0700 and ours, a file that others may
// read), `state_in_use`, `key_missing`, `root_missing`, those of decode_key_file(), and
// `key_mismatch` for a key of the wrong kind.
// A key that the service manager hands over stands before the directory's own: `credentials` is
// its directory (CREDENTIALS_DIRECTORY, systemd.exec(5)), empty where there is none.
Result<StateDirectory> open_state_directory(const std::string& path,
                                            const std::string& credentials = {});

}  // namespace reeve
