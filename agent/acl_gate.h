// The one gate to libacl: reads and sets the lists of an open object. It calls nothing of libacl
// that knows names, since those functions ask NSS, whose modules would open sockets inside the
// agent. O_PATH descriptors do, by their names under /proc.
#pragma once

#include "agent/host_acl.h"
#include "common/result.h"

namespace reeve {

// `path` is for words only. Of an object without a list of its own: what its mode stands for, or
// no default entries. Errors: `acl_unsupported` (the filesystem has none), `check_failed`.
Result<Acl> read_acl(int fd, AclUse use, const std::string& path);

// Sets exactly this list, and with an access list the nine permission bits, in one step. An empty
// default list removes it. Errors: `fix_failed`, `acl_unsupported`.
Status write_acl(int fd, AclUse use, const Acl& acl, const std::string& path);

}  // namespace reeve
