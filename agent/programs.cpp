#include "agent/programs.h"

#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

namespace reeve {
namespace {

// Empty when /proc is not there; then only the installed place remains.
std::string directory_of_this_program() {
  std::string path(PATH_MAX, '\0');
  const ssize_t length = readlink("/proc/self/exe", path.data(), path.size());
  if (length <= 0 || static_cast<std::size_t>(length) >= path.size()) return {};
  path.resize(static_cast<std::size_t>(length));
  return path.substr(0, path.rfind('/'));
}

}  // namespace

Programs product_programs() {
  Programs programs;
  if (const std::string here = directory_of_this_program(); !here.empty()) {
    programs.courier.push_back(here + "/reeve-courier");
    programs.probe.push_back(here + "/reeve-probe");
  }
  programs.courier.emplace_back(REEVE_LIBEXEC "/reeve-courier");
  programs.probe.emplace_back(REEVE_LIBEXEC "/reeve-probe");
  return programs;
}

std::string first_executable(const std::vector<std::string>& places) {
  for (const auto& place : places) {
    struct stat found {};
    const bool is_file = stat(place.c_str(), &found) == 0 && S_ISREG(found.st_mode);
    if (is_file && access(place.c_str(), X_OK) == 0) return place;
  }
  return {};
}

}  // namespace reeve
