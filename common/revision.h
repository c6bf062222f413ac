// Which source a program was built from. A library of its own, so that a commit makes the programs
// anew and nothing else.
#pragma once

#include <string>
#include <string_view>

namespace reeve {

// "reeve-agent 0.1.0 (6aabf47d21ab)\n", for --version; without the revision where the build knew
// none. A "+" behind it says that the source had been changed since.
std::string version_line(std::string_view program);

}  // namespace reeve
