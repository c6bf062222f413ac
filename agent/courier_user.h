// The user that the courier becomes, read from /etc/passwd by itself: NSS modules would load code
// and open sockets in a process that is still root. No cache; asked once at a start.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "common/result.h"

namespace reeve {

// The name that stands for no change of user.
inline constexpr std::string_view courier_user_same = "same";

struct UserIds {
  uid_t user = 0;
  gid_t group = 0;
};

// Errors: `courier_user_unknown` (not in the file; also root, which would be no isolation).
Result<UserIds> find_courier_user(const std::string& name);

}  // namespace reeve
