#include "agent/kinds/port_act.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/kind_limits.h"
#include "agent/kinds/port_block.h"
#include "common/text.h"

namespace reeve {

namespace {

// Servers of remote logins, by the files that packages install. One that has sessions is an
// operator's way in.
constexpr std::array<std::string_view, 4> login_servers = {
    "/usr/sbin/sshd", "/usr/lib/openssh/sshd-session", "/usr/libexec/openssh/sshd-session",
    "/usr/sbin/dropbear"};

// Each of so many sockets is tried; the first that refuses is told. More of one address are a group
// (SO_REUSEPORT), whose members the kernel finds by trial: the rest makes the object not hold, so
// that it is tried again and climbs its ladder.
Status close_all(const Stray& stray, Hands& hands) {
  Status out;
  for (const Listener& socket :
       std::span(stray.sockets).first(std::min(stray.sockets.size(), limits::closes_max))) {
    const Status closed = hands.socket_hands().destroy(socket);
    if (out.ok() && !closed.ok()) out = closed;
  }
  return out;
}

Status block(const PortRule& rule, const Stray& stray, Hands& hands, const Eyes& eyes) {
  const auto blocks = PortBlocks::look(eyes.ruleset());
  if (!blocks.ok()) return blocks.error();
  const auto text = blocks->text_with(block_for(rule, stray));
  if (!text.ok()) return text.error();
  return hands.ruleset_hands().apply(*text);
}

bool is_login_server(const Holder& holder, const Eyes& eyes) {
  return std::any_of(login_servers.begin(), login_servers.end(), [&](std::string_view path) {
    const auto real = eyes.resolve(std::string(path));
    if (!real.ok() || !*real) return false;
    if (holder.replaced == **real) return true;
    const auto facts = eyes.look(**real);
    return facts.ok() && *facts && (**facts).inode == holder.inode &&
           (**facts).device == holder.device;
  });
}

Error not_allowed(const Holder& holder, std::string_view why) {
  return {"not_allowed",
          fmt::format("process {} ({}) {}", holder.pid, printable(holder.program), why)};
}

Status may_terminate(const PortRule& rule, const Holder& holder, const Listener& socket,
                     const Eyes& eyes) {
  // A socket can be handed to any process that takes descriptors: a user could so have another's
  // ended. Root's are root's to hand on.
  if (socket.uid != 0 && holder.uid != socket.uid)
    return not_allowed(holder, "is of another user than the one who opened the socket");
  if (rule.may_end_sessions || !is_login_server(holder, eyes)) return {};
  const auto has = eyes.sockets().has_sessions(holder);
  if (!has.ok()) return has.error();
  if (!*has) return {};
  return not_allowed(holder, "serves sessions, and the rule does not say end_sessions");
}

// Every holder that may be ended is; the first refusal is told.
Status terminate_all(const PortRule& rule, const Stray& stray, Hands& hands, const Eyes& eyes) {
  if (stray.holders.empty())
    return Error{"holder_unknown", stray.object + ": nobody is seen to hold the socket"};
  Status out;
  std::vector<std::uint64_t> ended;
  for (const auto& held : stray.holders) {
    const Holder& holder = held.second;
    if (std::find(ended.begin(), ended.end(), holder.pid) != ended.end()) continue;
    const auto socket = std::find_if(stray.sockets.begin(), stray.sockets.end(),
                                     [&](const Listener& one) { return one.inode == held.first; });
    if (socket == stray.sockets.end()) continue;
    Status done = may_terminate(rule, holder, *socket, eyes);
    if (done.ok()) done = hands.socket_hands().terminate(holder, *socket);
    if (done.ok()) ended.push_back(holder.pid);
    if (out.ok() && !done.ok()) out = done;
  }
  return out;
}

Status take(PortAction action, const PortRule& rule, const Stray& stray, Hands& hands,
            const Eyes& eyes) {
  switch (action) {
    case PortAction::report:
      return {};
    case PortAction::close:
      return close_all(stray, hands);
    case PortAction::block:
      return block(rule, stray, hands, eyes);
    case PortAction::terminate:
      return terminate_all(rule, stray, hands, eyes);
  }
  return {};
}

bool is_refusal(const Status& status) {
  return !status.ok() &&
         (status.error().name == "not_allowed" || status.error().name == "holder_unknown");
}

}  // namespace

Status act_against(const PortRule& rule, const Stray& stray, std::uint32_t rung, Hands& hands,
                   const Eyes& eyes) {
  const auto last = static_cast<std::uint32_t>(rule.actions.size() - 1);
  std::optional<Error> refusal;
  for (std::uint32_t step = std::min(rung, last) + 1; step-- > 0;) {
    const Status taken = take(rule.actions[step], rule, stray, hands, eyes);
    if (!is_refusal(taken)) return taken;
    if (!refusal) refusal = taken.error();
  }
  return *refusal;
}

}  // namespace reeve
