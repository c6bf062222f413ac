#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <thread>

#include "agent/agent_limits.h"
#include "agent/control.h"
#include "common/paths.h"
#include "tests/fakes/temporary_directory.h"

using namespace reeve;

namespace {

Result<Value::Map> answer(const Value& question, const Asker& who) {
  const std::string operation = *question.find("operation")->text();
  if (operation == "status") return Value::Map{{"node", "web-1"}};
  if (operation == "whoami") return Value::Map{{"pid", who.pid}, {"uid", who.uid}};
  if (operation == "long")
    return Value::Map{{"text", std::string(limits::control_message_bytes_max, 'x')}};
  return Error{"unknown_operation", operation};
}

// A server in a directory of its own, served until a question has been answered.
struct Served {
  TemporaryDirectory directory;
  Fd fd{::open(directory.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
  Result<ControlServer> server = ControlServer::listen(fd.get());

  void serve_once() {
    std::vector<pollfd> polled;
    server->add_to(polled);
    REQUIRE(::poll(polled.data(), polled.size(), 10'000) > 0);
    server->serve(polled, answer);
  }
  Result<Value> ask(std::string_view operation) {
    Result<Value> out = Error{"none", ""};
    std::jthread client([&] { out = ask_agent(directory.path(), operation); });
    serve_once();
    serve_once();
    client.join();
    return out;
  }
};

}  // namespace

TEST_CASE("the owner asks and is answered") {
  Served served;
  REQUIRE(served.server.ok());
  const auto status = served.ask("status");
  REQUIRE(status.ok());
  CHECK(*status->find("node")->text() == "web-1");
}

TEST_CASE("the kernel says who asks") {
  Served served;
  const auto me = served.ask("whoami");
  REQUIRE(me.ok());
  CHECK(me->find("pid")->integer() == ::getpid());
  CHECK(me->find("uid")->natural() == ::geteuid());
}

TEST_CASE("an unknown question and an answer that is too long are named errors") {
  Served served;
  CHECK(served.ask("dance").error().name == "unknown_operation");
  CHECK(served.ask("long").error().name == "limit_exceeded");
}

TEST_CASE("the socket belongs to its owner alone") {
  Served served;
  struct stat found {};
  REQUIRE(::fstatat(served.fd.get(), std::string(paths::control_socket).c_str(), &found, 0) == 0);
  CHECK((found.st_mode & 0777) == 0600);
}

TEST_CASE("a socket that a dead agent left is replaced; where none listens that is said") {
  Served served;
  CHECK(ControlServer::listen(served.fd.get()).ok());
  TemporaryDirectory empty;
  CHECK(ask_agent(empty.path(), "status").error().name == "agent_not_running");
  CHECK(ask_agent(empty.path() + "/none", "status").error().name == "state_missing");
}

TEST_CASE("noise on the socket is answered with an error and the next question is served") {
  Served served;
  Fd client(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = served.directory.path() + "/" + std::string(paths::control_socket);
  REQUIRE(path.size() < sizeof address.sun_path);
  path.copy(address.sun_path, path.size());
  REQUIRE(::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) ==
          0);
  REQUIRE(::send(client.get(), "\xff\xff", 2, 0) == 2);
  served.serve_once();
  served.serve_once();
  Bytes reply(1'000);
  const auto got = ::recv(client.get(), reply.data(), reply.size(), 0);
  REQUIRE(got > 0);
  reply.resize(static_cast<std::size_t>(got));
  CHECK(*decode(reply)->find("error")->text() == "malformed");
  CHECK(served.ask("status").ok());
}
