#include "agent/control.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "agent/agent_limits.h"
#include "common/paths.h"

namespace reeve {
namespace {

Error failed(std::string_view act, int os_errno) {
  return os_error("control_failed", act, paths::control_socket, os_errno);
}

// A short name for the socket however long the directory's is: sun_path holds 108 bytes.
sockaddr_un address_in(int directory) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = fmt::format("/proc/self/fd/{}/{}", directory, paths::control_socket);
  REEVE_ASSERT(path.size() < sizeof address.sun_path);
  std::ranges::copy(path, address.sun_path);
  return address;
}

const sockaddr* as_sockaddr(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

Fd seqpacket(int flags) { return Fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0)); }

bool may_ask(const Fd& client) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(client.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  return peer.uid == 0 || peer.uid == ::geteuid();
}

std::optional<Bytes> receive(const Fd& socket, int flags) {
  Bytes bytes(limits::control_message_bytes_max);
  const auto got = ::recv(socket.get(), bytes.data(), bytes.size(), flags);
  if (got <= 0) return std::nullopt;
  bytes.resize(static_cast<std::size_t>(got));
  return bytes;
}

Value::Map error_map(const Error& error) {
  return {{"error", error.name}, {"detail", error.detail}, {"next", error.next}};
}

Bytes answer_to(ByteView question, const ControlServer::Answer& answer) {
  auto value = decode(question);
  const Value* operation = value.ok() ? value->find("operation") : nullptr;
  if (operation == nullptr || operation->text() == nullptr)
    return encode(error_map({"malformed", "the question has no operation"}));
  auto answered = answer(*operation->text());
  if (!answered.ok()) return encode(error_map(answered.error()));
  Bytes bytes = encode(std::move(*answered));
  if (bytes.size() > limits::control_message_bytes_max)
    return encode(error_map({"limit_exceeded", "the answer is too long"}));
  return bytes;
}

}  // namespace

Result<ControlServer> ControlServer::listen(int state_directory) {
  Fd listener = seqpacket(SOCK_NONBLOCK);
  if (!listener.is_open()) return failed("socket", errno);
  const std::string name(paths::control_socket);
  if (::unlinkat(state_directory, name.c_str(), 0) != 0 && errno != ENOENT)
    return failed("unlink", errno);
  const sockaddr_un address = address_in(state_directory);
  const mode_t before = ::umask(0177);
  const int bound = ::bind(listener.get(), as_sockaddr(address), sizeof address);
  const int bind_errno = errno;
  ::umask(before);
  if (bound != 0) return failed("bind", bind_errno);
  if (::listen(listener.get(), static_cast<int>(limits::control_clients_max)) != 0)
    return failed("listen", errno);
  return ControlServer(std::move(listener));
}

void ControlServer::add_to(std::vector<pollfd>& polled) const {
  polled.push_back({listener_.get(), POLLIN, 0});
  for (const Fd& client : clients_) polled.push_back({client.get(), POLLIN, 0});
}

void ControlServer::serve(const std::vector<pollfd>& polled, const Answer& answer) {
  const auto is_ready = [&polled](const Fd& fd) {
    return std::ranges::any_of(
        polled, [&fd](const pollfd& entry) { return entry.fd == fd.get() && entry.revents != 0; });
  };
  std::erase_if(clients_, [&](const Fd& client) {
    if (!is_ready(client)) return false;
    if (const auto question = receive(client, MSG_DONTWAIT)) {
      const Bytes bytes = answer_to(*question, answer);
      static_cast<void>(
          ::send(client.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
    }
    return true;
  });
  if (is_ready(listener_)) accept_clients();
}

// A client beyond the bound takes the place of the one that has been silent longest.
void ControlServer::accept_clients() {
  while (true) {
    Fd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!client.is_open()) return;
    if (!may_ask(client)) continue;
    if (clients_.size() >= limits::control_clients_max) clients_.erase(clients_.begin());
    clients_.push_back(std::move(client));
  }
}

Result<Value> ask_agent(const std::string& state_directory, std::string_view operation) {
  Fd directory(::open(state_directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory.is_open()) return os_error("state_missing", "open", state_directory, errno);
  Fd socket = seqpacket(0);
  const sockaddr_un address = address_in(directory.get());
  if (::connect(socket.get(), as_sockaddr(address), sizeof address) != 0) {
    if (errno == ENOENT || errno == ECONNREFUSED)
      return Error{"agent_not_running", "no agent answers in " + state_directory,
                   "start it with `reeve-agent run --state " + state_directory + "`"};
    return failed("connect", errno);
  }
  const timeval patience{limits::control_patience_s, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  const Bytes question = encode(Value::Map{{"operation", operation}});
  if (::send(socket.get(), question.data(), question.size(), MSG_NOSIGNAL) < 0)
    return failed("send", errno);
  const auto bytes = receive(socket, 0);
  if (!bytes) return failed("receive", errno);
  auto answer = decode(*bytes);
  if (!answer.ok()) return answer;
  if (const Value* error = answer->find("error")) {
    const Value* detail = answer->find("detail");
    return Error{error->text() ? *error->text() : "control_failed",
                 detail && detail->text() ? *detail->text() : ""};
  }
  return answer;
}

}  // namespace reeve
