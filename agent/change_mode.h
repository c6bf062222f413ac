// The call that sets the mode of what an O_PATH descriptor stands for: fchmodat2(2), which has this
// number wherever Linux runs today. Neither the C library nor libseccomp of Debian 12 know its
// name.
#pragma once

namespace reeve {

inline constexpr int change_mode_call = 452;

}  // namespace reeve
