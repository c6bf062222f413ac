#include "tests/sockets/sockets_world.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>

namespace reeve {
namespace {

bool write_file(const char* path, const std::string& text) {
  const Fd fd(::open(path, O_WRONLY | O_CLOEXEC));
  return fd.is_open() && ::write(fd.get(), text.data(), text.size()) == ssize_t(text.size());
}

bool raise_loopback() {
  const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::memcpy(request.ifr_name, "lo", 3);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  return ::ioctl(socket.get(), SIOCSIFFLAGS, &request) == 0;
}

std::string enter_namespaces() {
  const bool is_root = ::geteuid() == 0;
  const auto uid = ::geteuid();
  const auto gid = ::getegid();
  if (::unshare((is_root ? 0 : CLONE_NEWUSER) | CLONE_NEWNET) != 0)
    return fmt::format("no network namespace can be made here: {}", std::strerror(errno));
  if (!is_root && (!write_file("/proc/self/setgroups", "deny") ||
                   !write_file("/proc/self/uid_map", fmt::format("0 {} 1", uid)) ||
                   !write_file("/proc/self/gid_map", fmt::format("0 {} 1", gid))))
    return "no user can be mapped into a user namespace here";
  return raise_loopback() ? "" : "the loopback interface of a network namespace stays down";
}

struct AnyAddress {
  sockaddr_storage bytes{};
  socklen_t size = 0;
  const sockaddr* generic() const { return reinterpret_cast<const sockaddr*>(&bytes); }
};

AnyAddress address_of(const Place& place) {
  AnyAddress out;
  if (place.address.find(':') != std::string::npos) {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(place.port);
    REQUIRE(::inet_pton(AF_INET6, place.address.c_str(), &v6.sin6_addr) == 1);
    std::memcpy(&out.bytes, &v6, out.size = sizeof v6);
  } else {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(place.port);
    REQUIRE(::inet_pton(AF_INET, place.address.c_str(), &v4.sin_addr) == 1);
    std::memcpy(&out.bytes, &v4, out.size = sizeof v4);
  }
  return out;
}

Fd socket_for(const Place& place) {
  const int family = place.address.find(':') != std::string::npos ? AF_INET6 : AF_INET;
  const int type = place.transport == Transport::tcp ? SOCK_STREAM : SOCK_DGRAM;
  return Fd(::socket(family, type | SOCK_CLOEXEC, 0));
}

}  // namespace

const std::string& why_no_namespaces() {
  static const std::string why = enter_namespaces();
  return why;
}

Fd listening_at(const Place& place, Sharing sharing, Families families) {
  Fd socket = socket_for(place);
  REQUIRE(socket.is_open());
  const int yes = 1;
  const int reuse = sharing == Sharing::reuse_port ? SO_REUSEPORT : SO_REUSEADDR;
  if (place.transport == Transport::tcp || sharing == Sharing::reuse_port)
    REQUIRE(::setsockopt(socket.get(), SOL_SOCKET, reuse, &yes, sizeof yes) == 0);
  if (families == Families::ipv6_only)
    REQUIRE(::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes) == 0);
  const auto address = address_of(place);
  REQUIRE(::bind(socket.get(), address.generic(), address.size) == 0);
  if (place.transport == Transport::tcp) REQUIRE(::listen(socket.get(), 16) == 0);
  return socket;
}

bool listen_again(const Fd& socket) { return ::listen(socket.get(), 16) == 0; }

std::uint16_t port_of(const Fd& socket) {
  AnyAddress address;
  address.size = sizeof address.bytes;
  REQUIRE(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address.bytes), &address.size) ==
          0);
  sockaddr_in out{};  // the port stands at the same place in both families
  std::memcpy(&out, &address.bytes, sizeof out);
  return ntohs(out.sin_port);
}

std::uint64_t inode_of(const Fd& socket) {
  struct stat found {};
  REQUIRE(::fstat(socket.get(), &found) == 0);
  return found.st_ino;
}

bool can_connect(const Place& place) { return connect_to(socket_for(place), place); }

bool connect_to(const Fd& client, const Place& place) {
  const auto address = address_of(place);
  return ::connect(client.get(), address.generic(), address.size) == 0;
}

TestProcess::TestProcess() {
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  told_ = Fd(ends[0]);
  tell_ = Fd(ends[1]);
}

void TestProcess::start(const std::function<void()>& body) {
  pid_ = ::fork();
  REQUIRE(pid_ >= 0);
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    body();
    ::_exit(0);
  }
  tell_ = Fd();
}

TestProcess::~TestProcess() {
  if (is_over_ || pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void TestProcess::pause_ready() const {
  if (::write(tell_.get(), "!", 1) != 1) ::_exit(99);
  while (true) ::pause();
}

void TestProcess::execute(const char* program) const {
  std::string name = program;
  std::string argument = "1000";
  std::array<char*, 3> arguments{name.data(), argument.data(), nullptr};
  ::execv(program, arguments.data());
  ::_exit(97);
}

void TestProcess::execute_holding(int descriptor, const char* program) const {
  if (::fcntl(descriptor, F_SETFD, 0) != 0) ::_exit(96);
  execute(program);
}

void TestProcess::wait_until_ready() {
  char said = 0;
  REQUIRE(::read(told_.get(), &said, 1) == 1);
}

void TestProcess::wait_for_end_of_pipe() {
  char said = 0;
  REQUIRE(::read(told_.get(), &said, 1) == 0);
}

OwnProgram::OwnProgram(const char* program) {
  const int made = ::mkostemp(path_.data(), O_CLOEXEC);
  REQUIRE(made >= 0);
  ::close(made);
  std::filesystem::copy_file(program, path_, std::filesystem::copy_options::overwrite_existing);
  REQUIRE(::chmod(path_.c_str(), 0755) == 0);
}

OwnProgram::~OwnProgram() { ::unlink(path_.c_str()); }

int enter_own_mounts() {
  // In a user namespace that maps one user only, there is no nobody to become.
  const bool is_mapped = ::geteuid() == 0 && ::setresgid(65534, 65534, 65534) == 0;
  if (is_mapped && ::setresuid(65534, 65534, 65534) != 0) return 78;
  ::prctl(PR_SET_DUMPABLE, 1);  // /proc/self is its user's again
  const std::string users = fmt::format("0 {} 1", ::geteuid());
  const std::string groups = fmt::format("0 {} 1", ::getegid());
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return no_mount_namespace;
  if (!write_file("/proc/self/uid_map", users) || !write_file("/proc/self/setgroups", "deny") ||
      !write_file("/proc/self/gid_map", groups))
    return no_mount_namespace;
  return ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 ? 0 : 79;
}

int wear(const char* coat, const char* path) {
  if (const int failed = enter_own_mounts(); failed != 0) return failed;
  return ::mount(coat, path, nullptr, MS_BIND, nullptr) == 0 ? 0 : 80;
}

int run_removed(const char* program, const char* path) {
  if (const int failed = enter_own_mounts(); failed != 0) return failed;
  const std::string above = std::filesystem::path(path).parent_path();
  if (::mount("own", above.c_str(), "tmpfs", 0, "mode=755") != 0) return 81;
  std::error_code problem;
  if (!std::filesystem::copy_file(program, path, problem)) return 82;
  const int file = ::open(path, O_PATH | O_CLOEXEC);
  if (file < 0 || ::unlink(path) != 0) return 83;
  std::string name = path;
  std::string argument = "1000";
  std::array<char*, 3> arguments{name.data(), argument.data(), nullptr};
  ::execveat(file, "", arguments.data(), environ, AT_EMPTY_PATH);
  return 84;
}

void send_descriptor(int socket, int descriptor) {
  char byte = '!';
  iovec data{&byte, 1};
  std::array<char, CMSG_SPACE(sizeof descriptor)> room{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = room.data();
  message.msg_controllen = room.size();
  cmsghdr head{CMSG_LEN(sizeof descriptor), SOL_SOCKET, SCM_RIGHTS};
  std::memcpy(room.data(), &head, sizeof head);
  std::memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), &descriptor, sizeof descriptor);
  REQUIRE(::sendmsg(socket, &message, 0) == 1);
}

int receive_descriptor(int socket) {
  char byte = 0;
  iovec data{&byte, 1};
  int descriptor = -1;
  std::array<char, CMSG_SPACE(sizeof descriptor)> room{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = room.data();
  message.msg_controllen = room.size();
  if (::recvmsg(socket, &message, 0) != 1 || message.msg_controllen < room.size()) return -1;
  std::memcpy(&descriptor, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof descriptor);
  return descriptor;
}

bool TestProcess::is_running() const {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid == 0;
}

int TestProcess::wait() {
  if (!is_over_) ::waitpid(pid_, &status_, 0);
  is_over_ = true;
  return WIFEXITED(status_) ? WEXITSTATUS(status_) : -1;
}

std::vector<Listener> listeners_at(const SocketEyes& eyes, std::uint16_t port) {
  auto all = eyes.listeners(std::nullopt);
  REQUIRE_MESSAGE(all.ok(), (all.ok() ? "" : all.error().detail));
  std::vector<Listener> out;
  for (const Listener& listener : *all)
    if (listener.local.port == port) out.push_back(listener);
  return out;
}

std::vector<Holder> holders_of(const SocketEyes& eyes, const Listener& listener) {
  auto all = eyes.holders({&listener, 1});
  REQUIRE_MESSAGE(all.ok(), (all.ok() ? "" : all.error().detail));
  std::vector<Holder> out;
  for (const auto& [inode, holder] : *all) {
    CHECK(inode == listener.inode);
    out.push_back(holder);
  }
  return out;
}

}  // namespace reeve
