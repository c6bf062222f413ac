#include "controller/cli/consent.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "common/fd.h"

namespace reeve::cli {

OptionSpec yes_option() { return {"yes", "", "sign without being asked"}; }

Status ask_consent(const Arguments& arguments, std::string_view question) {
  if (arguments.has("yes")) return {};
  const Fd terminal(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
  if (!terminal.is_open()) {
    return Error{.name = "consent_needed",
                 .detail = "there is no terminal to ask for your consent",
                 .next = "read what is above, then run it again with --yes"};
  }
  const std::string asked = fmt::format("{} Type yes: ", question);
  static_cast<void>(!::write(terminal.get(), asked.data(), asked.size()));
  std::string answer(64, '\0');
  const ssize_t count = ::read(terminal.get(), answer.data(), answer.size());
  answer.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  if (answer == "yes\n") return {};
  return Error{.name = "not_consented", .detail = "nothing was signed", .next = {}};
}

}  // namespace reeve::cli
