// A line for the owner of the host on standard error, as every process of the agent writes it. What
// a full disk or a closed pipe there does not take is lost: no process ends for it.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

namespace reeve {

inline void tell_owner(std::string_view line) {
  const std::string text = "reeve-agent: " + std::string(line) + "\n";
  static_cast<void>(std::fwrite(text.data(), 1, text.size(), stderr));
}

}  // namespace reeve
