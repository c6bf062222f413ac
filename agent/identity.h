// Who this node is and whom it trusts, as its state directory says, but for its record key
// (record_keys.h), which only the deciding process may hold. Loaded once at a start; a value
// apart from its secrets, which are wiped with it.
#pragma once

#include "common/disk.h"
#include "common/trust.h"

namespace reeve {

struct Identity {
  TransportKeyPair transport;
  NodeCertificate certificate;
  Root root;
  Bytes root_object;
  std::optional<ControllerContact> contact;  // absent: there is no controller to talk to
  std::uint64_t transport_version = 0;       // of the statement of its transport key; 0: none
};

// Errors: `state_incomplete` (which file is missing), `key_mismatch` (key and certificate differ),
// and those of decode_key_file(), verify_first_root(), verify_certificate(), decode_contact() and
// of the disk.
Result<Identity> load_identity(Disk& disk);

}  // namespace reeve
