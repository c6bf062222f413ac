#include "own_namespace.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/fd.h"

namespace reeve::fixture {
namespace {

bool write_whole(const char* path, const std::string& text) {
  const Fd file(open(path, O_WRONLY | O_CLOEXEC));
  return file.is_open() && write(file.get(), text.data(), text.size()) > 0;
}

bool enter() {
  if (unshare(CLONE_NEWNET) == 0) return true;
  const uid_t uid = geteuid();
  const gid_t gid = getegid();
  if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return false;
  return write_whole("/proc/self/setgroups", "deny") &&
         write_whole("/proc/self/uid_map", fmt::format("0 {} 1", uid)) &&
         write_whole("/proc/self/gid_map", fmt::format("0 {} 1", gid));
}

}  // namespace

bool in_own_namespace() {
  static const bool entered = [] {
    if (enter()) return true;
    fmt::print("SKIP the packet filter's tests: no network namespace can be made here\n");
    return false;
  }();
  return entered;
}

PacketFilter::PacketFilter() {
  nft = std::move(*NftContext::open());
  reader = std::move(*RulesetReader::open());
  load("flush ruleset");
}

void PacketFilter::load(const std::string& text) {
  const auto ran = nft->run(text);
  INFO(text);
  INFO((ran.ok() ? std::string() : ran.error().detail));
  REQUIRE(ran.ok());
}

bool PacketFilter::takes(const std::string& text) { return nft->run(text).ok(); }

Digest PacketFilter::digest(const TableId& table, std::vector<std::string> keep) {
  const auto got = reader->table(table, keep);
  REQUIRE(got.ok());
  REQUIRE(got->has_value());
  return **got;
}

Digest PacketFilter::exact(const TableId& table) {
  const auto got = reader->exact(table);
  REQUIRE(got.ok());
  REQUIRE(got->has_value());
  return **got;
}

Digest PacketFilter::digest_of(const std::string& text, std::vector<std::string> keep) {
  load("flush ruleset");
  load(text);
  return digest(inet_t, std::move(keep));
}

void loopback_up() {
  const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING;
  REQUIRE(ioctl(socket.get(), SIOCSIFFLAGS, &request) == 0);
}

void send_datagram(int port) {
  const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(port));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  static_cast<void>(
      sendto(socket.get(), "x", 1, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to));
}

}  // namespace reeve::fixture
