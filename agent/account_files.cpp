#include "agent/account_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <charconv>

#include "agent/kind_limits.h"

namespace reeve {

namespace {

std::string_view take_until(std::string_view& text, char end) {
  std::size_t at = text.find(end);
  std::string_view out = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return out;
}

std::int64_t nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

AccountNames parse_accounts(std::string_view text) {
  AccountNames out;
  while (!text.empty()) {
    std::string_view line = take_until(text, '\n');
    std::string_view name = take_until(line, ':');
    take_until(line, ':');
    std::string_view number = take_until(line, ':');
    std::uint32_t id = 0;
    auto [end, problem] = std::from_chars(number.data(), number.data() + number.size(), id);
    bool whole = problem == std::errc() && end == number.data() + number.size();
    // "+" and "-" open the lines of NIS compatibility, which name no account of this file.
    if (!whole || id == UINT32_MAX || name.empty() || name[0] == '+' || name[0] == '-') continue;
    out.ids.emplace(name, id);
    out.names.emplace(id, name);
  }
  return out;
}

std::optional<std::uint32_t> AccountFile::id_of(const std::string& name) const {
  auto found = names_.ids.find(name);
  return found == names_.ids.end() ? std::nullopt : std::optional(found->second);
}

std::string AccountFile::name_of(std::uint32_t id) const {
  auto found = names_.names.find(id);
  return found == names_.names.end() ? fmt::format("{}", id) : found->second;
}

void AccountFile::refresh() {
  auto now = stamp();
  if (now && now == read_at_) return;
  names_ = parse_accounts(read());
  // The stamp from before the reading: a change in between is noticed by the next look.
  read_at_ = now;
}

std::optional<AccountFile::Stamp> AccountFile::stamp() const {
  struct stat found {};
  if (fstatat(paths_.root_fd(), path_.c_str() + 1, &found, AT_SYMLINK_NOFOLLOW) != 0)
    return std::nullopt;
  if (!S_ISREG(found.st_mode)) return std::nullopt;
  return Stamp{found.st_dev, found.st_ino, found.st_size, nanoseconds(found.st_mtim),
               nanoseconds(found.st_ctim)};
}

std::string AccountFile::read() const {
  auto object = paths_.open(path_, FinalLink::follow);
  if (!object.ok() || !*object) return {};
  auto facts = facts_of((*object)->get(), path_);
  bool readable =
      facts.ok() && facts->type == FileType::file && facts->size <= limits::accounts_bytes_max;
  if (!readable) return {};
  Fd file(::open(proc_path((*object)->get()).c_str(), O_RDONLY | O_CLOEXEC));
  std::string out;
  std::array<char, 16'384> part{};
  while (file.is_open() && out.size() <= limits::accounts_bytes_max) {
    ssize_t count = ::read(file.get(), part.data(), part.size());
    if (count <= 0) break;
    out.append(part.data(), static_cast<std::size_t>(count));
  }
  return out;
}

}  // namespace reeve
