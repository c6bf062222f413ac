// The fixed table of programs that the launcher, or the deciding process before it is sealed, may
// start. It is made from where the running
// executable lies and from constants of the build; neither policy, network, arguments nor
// environment have a say in it.
#pragma once

#include <string>
#include <vector>

namespace reeve {

// For each program, the places where it may lie; the first that can be executed is the one.
struct Programs {
  std::vector<std::string> courier{};
  std::vector<std::string> probe{};  // the loader of attribution's half in the kernel
};

// Beside the running executable, as in the build tree, or in the installed libexec directory.
Programs product_programs();

// The first place that holds an executable file; empty when none does.
std::string first_executable(const std::vector<std::string>& places);

}  // namespace reeve
