#include "agent/kinds/port_strays.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "agent/kinds/field_values.h"
#include "common/text.h"

namespace reeve {

namespace {

using Holders = std::vector<std::pair<std::uint64_t, Holder>>;  // by the socket's inode

// The file that a row's program names now.
struct ProgramFile {
  std::string path;  // without links; empty where nothing is there
  FileFacts facts;
  bool is_roots = false;  // nobody but root can have put it there, or taken it away
};

// Judges sockets of one look. What the rows name is looked up when it is first needed.
class Judge {
 public:
  Judge(const PortRule& rule, const Eyes& eyes) : rule_(rule), eyes_(eyes) {}

  // Whether its address and owner alone allow it.
  bool is_allowed_unseen(const Listener& listener) const {
    return std::any_of(rule_.allow.begin(), rule_.allow.end(), [&](const AllowedPort& row) {
      return !row.program && matches(row, listener);
    });
  }

  bool needs_holders(const Listener& listener) const {
    return std::any_of(rule_.allow.begin(), rule_.allow.end(), [&](const AllowedPort& row) {
      return row.program && matches(row, listener);
    });
  }

  // Every holder must run what a row allows, not all of them the same: a socket that the service
  // manager opens for a daemon is held by both.
  bool is_allowed(const Listener& listener, const Holders& holders) {
    bool is_any = false;
    for (const auto& held : holders) {
      if (held.first != listener.inode) continue;
      const bool is_right =
          std::any_of(rule_.allow.begin(), rule_.allow.end(), [&](const AllowedPort& row) {
            return row.program && matches(row, listener) && runs(held.second, *row.program);
          });
      if (!is_right) return false;
      is_any = true;
    }
    return is_any;
  }

  // Why a row that would match cannot be judged.
  std::optional<Error> doubt_about(const Listener& listener) {
    for (const AllowedPort& row : rule_.allow)
      if (row.program && matches(row, listener) && !file_of(*row.program).ok())
        return file_of(*row.program).error();
    return std::nullopt;
  }

 private:
  bool matches(const AllowedPort& row, const Listener& listener) const {
    if (!row.matches_address(listener.transport, listener.local)) return false;
    if (!row.user) return true;
    const auto number = parse_id(*row.user);
    const auto uid = number ? number : eyes_.user_id(*row.user);
    return uid == listener.uid;
  }

  bool runs(const Holder& holder, const std::string& program) {
    const Result<ProgramFile>& file = file_of(program);
    if (!file.ok() || file->path.empty()) return false;
    if (holder.inode == file->facts.inode && holder.device == file->facts.device) return true;
    return file->is_roots && holder.replaced == file->path;
  }

  const Result<ProgramFile>& file_of(const std::string& program) {
    auto known = files_.find(program);
    if (known == files_.end()) known = files_.emplace(program, look_up(program)).first;
    return known->second;
  }

  Result<ProgramFile> look_up(const std::string& program) const {
    ProgramFile out;
    const auto path = eyes_.resolve(program);
    if (!path.ok()) return path.error();
    if (!*path) return out;
    const auto facts = eyes_.look(**path);
    if (!facts.ok()) return facts.error();
    if (!*facts) return out;
    const auto around = eyes_.surroundings(**path);
    if (!around.ok()) return around.error();
    return ProgramFile{**path, **facts, around->trusted};
  }

  const PortRule& rule_;
  const Eyes& eyes_;
  std::map<std::string, Result<ProgramFile>> files_;
};

Stray& stray_named(std::map<std::string, Stray>& strays, const Listener& listener) {
  Stray& stray = strays[object_of(listener)];
  stray.object = object_of(listener);
  return stray;
}

}  // namespace

Result<StraySearch> find_strays(const PortRule& rule, const Eyes& eyes, const Scope& scope,
                                HoldersWanted wanted) {
  const auto all = eyes.sockets().listeners(rule.transport);
  if (!all.ok()) return all.error();
  Judge judge(rule, eyes);
  StraySearch out;
  std::vector<Listener> suspects;
  std::string last;
  for (const Listener& listener : *all) {
    if (!rule.speaks_of(listener.transport, listener.local)) continue;
    const std::string object = object_of(listener);
    if (scope.object && object != *scope.object) continue;
    if (object != last) ++out.objects;  // they are sorted by address
    last = object;
    if (!judge.is_allowed_unseen(listener)) suspects.push_back(listener);
  }
  std::vector<Listener> held = suspects;
  if (wanted == HoldersWanted::for_judgement)
    std::erase_if(held, [&](const Listener& one) { return !judge.needs_holders(one); });
  auto holders = eyes.sockets().holders(held);
  // Whoever opens more descriptors than a look may search keeps from judgement only what cannot be
  // judged without its holders.
  std::optional<Error> unseen;
  if (!holders.ok() && holders.error().name == "too_many_objects") {
    unseen = holders.error();
    holders = Holders();
  }
  if (!holders.ok()) return holders.error();
  std::map<std::string, Stray> strays;
  for (const Listener& listener : suspects) {
    if (judge.is_allowed(listener, *holders)) continue;
    Stray& stray = stray_named(strays, listener);
    stray.sockets.push_back(listener);
    if (!stray.doubt) stray.doubt = judge.doubt_about(listener);
    if (unseen && judge.needs_holders(listener)) stray.doubt = unseen;
    for (const auto& [inode, holder] : *holders)
      if (inode == listener.inode) stray.holders.emplace_back(inode, holder);
  }
  for (auto& [object, stray] : strays) out.strays.push_back(std::move(stray));
  return out;
}

std::string words_for_holders(const Stray& stray, const Eyes& eyes) {
  if (stray.holders.empty())
    return fmt::format("nobody seen to hold it, opened by user {}",
                       eyes.user_name(stray.sockets.front().uid));
  const Holder& first = stray.holders.front().second;
  std::string out =
      fmt::format("{} (pid {}, user {})", first.program, first.pid, eyes.user_name(first.uid));
  if (stray.holders.size() > 1) out += fmt::format(" and {} more", stray.holders.size() - 1);
  return out;
}

std::optional<Cause> culprit_of(const Stray& stray) {
  if (stray.holders.empty()) return std::nullopt;
  const Holder& first = stray.holders.front().second;
  const bool is_one = std::all_of(stray.holders.begin(), stray.holders.end(),
                                  [&](const auto& held) { return held.second.pid == first.pid; });
  Cause cause;
  cause.confidence = is_one ? Confidence::certain : Confidence::likely;
  cause.pid = first.pid;
  cause.program = first.program;
  cause.command = first.command;
  cause.uid = first.uid;
  cause.login_uid = first.login_uid;
  return cause;
}

}  // namespace reeve
