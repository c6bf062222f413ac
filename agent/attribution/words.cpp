#include "agent/attribution/words.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <utility>

namespace reeve {
namespace {

constexpr std::uint32_t none = UINT32_MAX;
constexpr std::string_view hidden = "***";
constexpr std::array<std::string_view, 9> secret_names{"password", "passwd",  "passphrase",
                                                       "secret",   "token",   "apikey",
                                                       "api-key",  "api_key", "credential"};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& one : out) one = static_cast<char>(std::tolower(static_cast<unsigned char>(one)));
  return out;
}

bool is_secret_name(std::string_view name) {
  const std::string low = lower(name);
  return std::ranges::any_of(secret_names,
                             [&](std::string_view one) { return low.find(one) != low.npos; });
}

// "https://anna:pass@host" with the password hidden.
std::string without_password(std::string_view word) {
  const auto host = word.find("://");
  const auto path = host == word.npos ? word.npos : word.find('/', host + 3);
  const auto at = host == word.npos ? word.npos : word.substr(0, path).rfind('@');
  const auto colon = at == word.npos ? word.npos : word.find(':', host + 3);
  if (colon == word.npos || colon > at) return std::string(word);
  return std::string(word.substr(0, colon + 1)) + std::string(hidden) +
         std::string(word.substr(at));
}

template <std::size_t Parts, std::size_t Bytes>
std::string joined(const char (&parts)[Parts][Bytes], std::uint32_t count) {
  std::string out;
  for (std::size_t i = std::min<std::size_t>(count, Parts); i-- > 0;)
    out += "/" + std::string(parts[i], strnlen(parts[i], Bytes));
  return out;
}

bool leads_to(const std::string& path, const reeve_exec& exec) {
  struct statx found {};
  return ::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, STATX_INO | STATX_MNT_ID, &found) ==
             0 &&
         found.stx_ino == exec.inode && found.stx_mnt_id == exec.mount;
}

}  // namespace

namespace {

// One part of a command between blanks, quotes and semicolons, wherever it stands: what a shell is
// given with -c is one word with many.
class Redaction {
 public:
  std::string part(std::string_view text) {
    if (text.empty()) return {};
    if (std::exchange(is_next_hidden_, false)) return std::string(hidden);
    std::size_t begin = 0;
    for (auto sign = text.find_first_of("=:"); sign != text.npos;
         sign = text.find_first_of("=:", begin)) {
      if (is_secret_name(text.substr(begin, sign - begin)))
        return std::string(text.substr(0, sign + 1)) + std::string(hidden);
      begin = sign + 1;
    }
    is_next_hidden_ = begin == 0 && text.starts_with('-') && is_secret_name(text);
    return without_password(text);
  }

  std::string word(std::string_view text) {
    // Whatever follows it up to the word's end: a scheme and what it takes.
    constexpr std::string_view header = "authorization:";
    const auto at = lower(text).find(header);
    const std::string_view shown = text.substr(0, at == text.npos ? at : at + header.size());
    std::string out;
    std::string_view rest = shown;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find_first_of(" \t\n\r;'\"`"), rest.size());
      out += part(rest.substr(0, end));
      if (end < rest.size()) out += rest[end];
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return at == text.npos ? out : out + std::string(hidden);
  }

 private:
  bool is_next_hidden_ = false;
};

}  // namespace

std::string redacted(std::string_view command) {
  while (command.ends_with('\0')) command.remove_suffix(1);
  Redaction redaction;
  std::string out;
  bool is_first = true;
  while (!command.empty()) {
    const std::string_view word = command.substr(0, command.find('\0'));
    command.remove_prefix(std::min(word.size() + 1, command.size()));
    if (!std::exchange(is_first, false)) out += ' ';
    out += redaction.word(word);
  }
  return out;
}

Cause cause_of(std::uint32_t pid, const reeve_exec& exec) {
  Cause cause;
  cause.confidence = Confidence::certain;
  cause.pid = pid;
  cause.start_ns = exec.start_ns;
  cause.inode = exec.inode;
  cause.uid = exec.uid;
  if (exec.login != none) cause.login_uid = exec.login;
  if (exec.session != none) cause.session = exec.session;
  cause.program = joined(exec.path, exec.path_parts);
  cause.unit = joined(exec.unit, exec.unit_parts);
  const auto size = std::min<std::size_t>(exec.command_bytes, reeve_command_bytes);
  cause.command = redacted({exec.command, size});
  for (std::size_t i = 0; i < std::min<std::size_t>(exec.parents, reeve_parents); ++i) {
    const reeve_parent& parent = exec.parent[i];
    cause.parents.push_back(
        {parent.pid, std::string(parent.program, strnlen(parent.program, reeve_parent_bytes))});
  }
  cause.is_elsewhere = (exec.flags & reeve_flag_elsewhere) != 0;
  // A path that leads nowhere any more, or of which only the end is known, shows nothing.
  const bool is_removed = (exec.flags & reeve_flag_removed) != 0;
  const bool is_cut = (exec.flags & reeve_flag_cut) != 0;
  if (is_removed || is_cut || cause.is_elsewhere || !leads_to(cause.program, exec))
    cause.confidence = Confidence::likely;
  if (is_cut) cause.program.insert(0, "...");
  if (is_removed) cause.program += " (deleted)";
  return cause;
}

}  // namespace reeve
