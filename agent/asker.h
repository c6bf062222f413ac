// Who asks on the owner's socket, as the kernel says it of the process that connected
// (SO_PEERCRED, unix(7)) and of its login (loginuid, audit(7)). Whoever may ask is root or the
// agent's own user, so that this is an account of who it was and no defence. Values only.
#pragma once

#include <cstdint>
#include <optional>

namespace reeve {

struct Asker {
  std::int64_t pid = 0;
  std::uint32_t uid = 0;
  std::optional<std::uint32_t> login_uid;  // absent where nobody logged in, or the process is gone
  bool operator==(const Asker&) const = default;
};

}  // namespace reeve
