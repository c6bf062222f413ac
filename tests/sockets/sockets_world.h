// A network namespace of the test's own, with real sockets and processes in it: as an ordinary user
// in a user namespace, too. Everything that is started is ended by its pid; nothing outside is
// touched. The whole test program moves into the namespace, once.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <string>
#include <vector>

#include "agent/sockets/linux_sockets.h"

namespace reeve {

// Why there can be no namespaces here; empty where the program is in one of its own now.
const std::string& why_no_namespaces();

// "127.0.0.1", "::", "::ffff:127.0.0.1"; a colon means IPv6.
struct Place {
  Transport transport = Transport::tcp;
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;  // 0: the kernel chooses
};
enum class Sharing { alone, reuse_port };
enum class Families { both, ipv6_only };
// A TCP socket that listens, or a UDP socket that is bound; closed on exec.
Fd listening_at(const Place& place, Sharing sharing = Sharing::alone,
                Families families = Families::both);
bool listen_again(const Fd& socket);
std::uint16_t port_of(const Fd& socket);
std::uint64_t inode_of(const Fd& socket);
// Whether a TCP connection to there can be made.
bool can_connect(const Place& place);

// A process of the test's, ended with it.
class TestProcess {
 public:
  TestProcess();
  ~TestProcess();
  TestProcess(const TestProcess&) = delete;

  // Runs `body` in the process; its return is exit status 0.
  void start(const std::function<void()>& body);
  pid_t pid() const { return pid_; }
  bool is_running() const;
  int wait();  // the exit status; -1 where a signal ended it
  void wait_until_ready();
  // Until another program runs in it, or it has ended.
  void wait_until_executed() { wait_for_end_of_pipe(); }

  // In the process itself.
  void pause_ready() const;
  [[noreturn]] void execute(const char* program) const;
  // With one descriptor that the program inherits.
  [[noreturn]] void execute_holding(int descriptor, const char* program) const;

 private:
  void wait_for_end_of_pipe();

  pid_t pid_ = 0;
  bool is_over_ = false;
  int status_ = 0;
  Fd told_;
  Fd tell_;
};

// A copy of a program that is the attacker's own, for anybody to run.
class OwnProgram {
 public:
  explicit OwnProgram(const char* program);
  ~OwnProgram();
  OwnProgram(const OwnProgram&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/reeve-own-program-XXXXXX";
};

// Makes this process nobody (where it is root), in user and mount namespaces of its own, with
// `coat` mounted over `path`. 0, or no_mount_namespace, or another number where it could not.
constexpr int no_mount_namespace = 77;
int wear(const char* coat, const char* path);

// As wear(), but what it makes there is removed before it runs: `program` under the name `path`, on
// a file system of its own. Returns only where it could not.
int run_removed(const char* program, const char* path);

void send_descriptor(int socket, int descriptor);
int receive_descriptor(int socket);  // -1: none came
bool connect_to(const Fd& client, const Place& place);

// What listens there, by the port; for tests that know there is exactly one.
std::vector<Listener> listeners_at(const SocketEyes& eyes, std::uint16_t port);
std::vector<Holder> holders_of(const SocketEyes& eyes, const Listener& listener);

}  // namespace reeve

// Ends a test case where there are no namespaces, and says so for the count of tests.
#define REEVE_NEEDS_NAMESPACES(what)                                 \
  if (!::reeve::why_no_namespaces().empty()) {                       \
    fmt::print("SKIP {}: {}\n", what, ::reeve::why_no_namespaces()); \
    return;                                                          \
  }                                                                  \
  REQUIRE(true)
