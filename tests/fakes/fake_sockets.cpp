#include "tests/fakes/fake_sockets.h"

#include <fmt/format.h>

#include <algorithm>

namespace reeve {

Listener FakeSockets::add(const std::string& object, std::uint32_t uid) {
  Listener out;
  out.transport = object.starts_with("udp ") ? Transport::udp : Transport::tcp;
  const auto address = parse_socket_address(std::string_view(object).substr(4));
  REEVE_ASSERT(address.has_value());
  out.local = *address;
  out.uid = uid;
  out.cookie = next_++;
  out.inode = out.cookie + 1'000;
  out.appearance = out.cookie;
  listeners_.push_back(out);
  return out;
}

Listener FakeSockets::add_ipv6_only(const std::string& object) {
  add(object);
  listeners_.back().is_ipv6_only = true;
  return listeners_.back();
}

void FakeSockets::add_holder(const Listener& listener, Holder holder) {
  holders_.emplace_back(listener.inode, std::move(holder));
}

void FakeSockets::remove(const Listener& listener) {
  std::erase_if(listeners_, [&](const Listener& one) { return one.cookie == listener.cookie; });
  std::erase_if(holders_, [&](const auto& held) { return held.first == listener.inode; });
}

bool FakeSockets::is_running(std::uint64_t pid) const {
  return std::any_of(holders_.begin(), holders_.end(),
                     [&](const auto& held) { return held.second.pid == pid; });
}

Status FakeSockets::refusal(const std::string& act) const {
  const auto found = refusals_.find(act);
  return found == refusals_.end() ? Status() : found->second;
}

Result<std::vector<Listener>> FakeSockets::listeners(std::optional<Transport> of) const {
  REEVE_TRY(refusal("listeners"));
  auto out = listeners_;
  std::erase_if(out, [&](const Listener& one) { return of && one.transport != *of; });
  std::sort(out.begin(), out.end());
  return out;
}

Result<std::vector<std::pair<std::uint64_t, Holder>>> FakeSockets::holders(
    std::span<const Listener> of) const {
  REEVE_TRY(refusal("holders"));
  if (!of.empty()) ++passes_;
  std::vector<std::pair<std::uint64_t, Holder>> out;
  for (const auto& held : holders_)
    if (std::any_of(of.begin(), of.end(),
                    [&](const Listener& one) { return one.inode == held.first; }))
      out.push_back(held);
  return out;
}

Result<bool> FakeSockets::has_sessions(const Holder& holder) const {
  REEVE_TRY(refusal("has_sessions"));
  return sessions_.contains(holder.pid);
}

Status FakeSockets::destroy(const Listener& listener) {
  acts_.push_back(fmt::format("destroy {} {}", object_of(listener), listener.cookie));
  REEVE_TRY(refusal("destroy"));
  if (!is_surviving_) remove(listener);
  return {};
}

Status FakeSockets::terminate(const Holder& holder, const Listener&) {
  acts_.push_back(fmt::format("terminate {}", holder.pid));
  REEVE_TRY(refusal("terminate"));
  std::erase_if(holders_, [&](const auto& held) { return held.second.pid == holder.pid; });
  std::erase_if(listeners_, [&](const Listener& one) {
    return std::none_of(holders_.begin(), holders_.end(),
                        [&](const auto& held) { return held.first == one.inode; });
  });
  return {};
}

}  // namespace reeve
