// How a passphrase comes in: a file's first line, or what is typed at a terminal that shows
// nothing.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>

#include "common/fd.h"
#include "common/text.h"
#include "controller/cli/cli_limits.h"
#include "controller/cli/passphrases.h"

namespace reeve::cli {
namespace {

constexpr char interrupt_key = 3;  // Ctrl-C

// No echo and no signals while it lives: Ctrl-C ends the line instead, so that the terminal is put
// back as it was before anything else happens.
class QuietTerminal {
 public:
  explicit QuietTerminal(int fd) : fd_(fd) {
    is_set_ = ::tcgetattr(fd, &before_) == 0;
    if (!is_set_) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO | ISIG);
    quiet.c_cc[VEOL] = interrupt_key;
    is_set_ = ::tcsetattr(fd, TCSAFLUSH, &quiet) == 0;
  }
  QuietTerminal(const QuietTerminal&) = delete;
  QuietTerminal& operator=(const QuietTerminal&) = delete;
  ~QuietTerminal() {
    if (is_set_) ::tcsetattr(fd_, TCSAFLUSH, &before_);
  }
  bool is_set() const { return is_set_; }

 private:
  int fd_;
  termios before_{};
  bool is_set_ = false;
};

Error nobody_to_ask() {
  return Error{.name = "passphrase_needed",
               .detail = "there is no terminal to ask for the passphrase",
               .next = "name a file that holds it: --passphrase-file or REEVE_PASSPHRASE_FILE"};
}

// Up to a line's end; what was read is wiped but for what is returned.
Result<std::string> read_line(int fd, const std::string& shown) {
  std::string text(limits::passphrase_bytes_max, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t count = ::read(fd, text.data() + size, text.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return os_error("file_unreadable", "read", shown, errno);
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
    const auto end = text.find_first_of(std::string{'\n', interrupt_key});
    if (end < size) {
      size = end + 1;
      break;
    }
  }
  const auto end = text.find('\n');
  std::string line = text.substr(0, std::min(end, size));
  ::explicit_bzero(text.data(), text.size());
  return line;
}

void write_quietly(int fd, std::string_view text) {
  // Whoever does not see the prompt can still type.
  static_cast<void>(!::write(fd, text.data(), text.size()));
}

}  // namespace

Result<Passphrase> read_passphrase_file(const std::string& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!file.is_open() && errno == ENOENT) return os_error("file_missing", "open", path, errno);
  if (!file.is_open()) return os_error("file_unreadable", "open", path, errno);
  struct stat facts {};
  if (::fstat(file.get(), &facts) != 0) return os_error("file_unreadable", "look at", path, errno);
  if (S_ISREG(facts.st_mode) && (facts.st_mode & 077) != 0) {
    return Error{.name = "passphrase_permissions",
                 .detail = fmt::format("{} can be read by others", path),
                 .next = fmt::format("chmod 600 {}", path)};
  }
  auto line = read_line(file.get(), path);
  if (!line.ok()) return line.error();
  return Passphrase(std::move(*line));
}

Result<Passphrase> ask_terminal(std::string_view prompt) {
  const Fd terminal(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
  if (!terminal.is_open()) return nobody_to_ask();
  const QuietTerminal quiet(terminal.get());
  if (!quiet.is_set()) return nobody_to_ask();
  write_quietly(terminal.get(), prompt);
  auto line = read_line(terminal.get(), "the terminal");
  write_quietly(terminal.get(), "\n");
  if (!line.ok()) return line.error();
  if (line->find(interrupt_key) != std::string::npos)
    return Error{.name = "interrupted", .detail = "stopped while asking for a passphrase"};
  return Passphrase(std::move(*line));
}

}  // namespace reeve::cli
