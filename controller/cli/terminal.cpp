#include "controller/cli/terminal.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "common/text.h"

namespace reeve::cli {
namespace {

constexpr std::size_t columns_min = 80;

// 0, or the errno of the write that failed.
int write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

bool starts_character(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; }

// The first `count` characters.
std::string_view head(std::string_view text, std::size_t count) {
  std::size_t at = 0;
  while (at < text.size()) {
    if (starts_character(text[at]) && count-- == 0) break;
    ++at;
  }
  return text.substr(0, at);
}

// The last `count` characters.
std::string_view tail(std::string_view text, std::size_t count) {
  std::size_t at = text.size();
  while (at > 0 && count > 0) {
    --at;
    if (starts_character(text[at])) --count;
  }
  return text.substr(at);
}

}  // namespace

void print_out(std::string_view text) {
  if (const int why = write_all(STDOUT_FILENO, text); why != 0) throw OutputLost{why};
}

void print_err(std::string_view text) { static_cast<void>(write_all(STDERR_FILENO, text)); }

std::string error_text(const Error& error) {
  std::string text =
      fmt::format("reeve: error {}: {}\n", printable(error.name), printable(error.detail));
  if (!error.next.empty()) text += fmt::format("  next: {}\n", printable(error.next));
  return text;
}

int print_error(const Error& error) {
  print_err(error_text(error));
  return 1;
}

bool out_is_terminal() { return ::isatty(STDOUT_FILENO) == 1; }

bool colour_wanted() {
  const char* refused = std::getenv("NO_COLOR");
  if (refused != nullptr && *refused != '\0') return false;
  return out_is_terminal();
}

std::size_t out_columns() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return columns_min;
  return std::max<std::size_t>(columns_min, size.ws_col);
}

std::string coloured(std::string_view text, Colour colour) {
  if (colour == Colour::none || !colour_wanted()) return std::string(text);
  const int code = colour == Colour::green ? 32 : colour == Colour::yellow ? 33 : 31;
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

std::size_t width_of(std::string_view utf8) {
  return static_cast<std::size_t>(std::count_if(utf8.begin(), utf8.end(), starts_character));
}

std::string padded(std::string_view utf8, std::size_t width) {
  const std::size_t used = width_of(utf8);
  return std::string(utf8) + std::string(used < width ? width - used : 0, ' ');
}

std::string fit(std::string_view utf8, std::size_t width) {
  if (width_of(utf8) <= width) return padded(utf8, width);
  if (width <= 3) return std::string(head(utf8, width));
  return std::string(head(utf8, width - 3)) + "...";
}

std::string fit_tail(std::string_view utf8, std::size_t width) {
  if (width_of(utf8) <= width) return padded(utf8, width);
  if (width <= 3) return std::string(tail(utf8, width));
  return "..." + std::string(tail(utf8, width - 3));
}

std::vector<std::string> wrapped(std::string_view utf8, std::size_t width) {
  std::vector<std::string> out(1);
  while (!utf8.empty()) {
    const std::size_t end = std::min(utf8.find(' '), utf8.size());
    std::string_view word = utf8.substr(0, end);
    utf8.remove_prefix(std::min(end + 1, utf8.size()));
    if (!out.back().empty() && width_of(out.back()) + 1 + width_of(word) > width) {
      out.emplace_back();
    }
    if (!out.back().empty()) out.back() += ' ';
    for (; width_of(word) > width; out.emplace_back()) {
      const std::string_view piece = head(word, width);
      out.back() += piece;
      word.remove_prefix(piece.size());
    }
    out.back() += word;
  }
  return out;
}

std::string field_lines(std::string_view label, std::string_view utf8) {
  constexpr std::size_t label_width = 12;
  std::string out;
  for (const std::string& part : wrapped(utf8, columns_min - label_width - 2)) {
    out += fmt::format("  {}{}\n", padded(out.empty() ? label : "", label_width), part);
  }
  return out;
}

std::string counted(std::size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace reeve::cli
