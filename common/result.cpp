#include "common/result.h"

#include <fmt/format.h>
#include <string.h>
#include <unistd.h>

#include <cstdlib>

namespace reeve {

Error os_error(std::string_view name, std::string_view act, std::string_view object, int os_errno) {
  const char* words = strerrordesc_np(os_errno);  // GNU; unlike strerror it shares no buffer
  std::string reason = words != nullptr ? words : fmt::format("errno {}", os_errno);
  return Error{std::string(name), fmt::format("{} {}: {}", act, object, reason), "", os_errno};
}

void assertion_failed(const char* claim, const char* file, int line) {
  std::string text = fmt::format("{}:{}: we are wrong: {}\n", file, line, claim);
  // Nothing is left to be done where even this cannot be written.
  [[maybe_unused]] auto written = ::write(STDERR_FILENO, text.data(), text.size());
  std::abort();
}

}  // namespace reeve
