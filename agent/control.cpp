#include "agent/control.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

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

// The kernel shows UINT32_MAX where nobody logged in.
std::optional<std::uint32_t> login_of(pid_t pid) {
  const Fd file(::open(fmt::format("/proc/{}/loginuid", pid).c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 16> text{};
  const auto got = file.is_open() ? ::read(file.get(), text.data(), text.size()) : -1;
  if (got <= 0) return std::nullopt;
  std::uint32_t uid = 0;
  const auto read = std::from_chars(text.data(), text.data() + got, uid);
  return read.ec == std::errc() && uid != UINT32_MAX ? std::optional(uid) : std::nullopt;
}

// Absent for whoever may not ask.
std::optional<Asker> asker_behind(const Fd& client) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(client.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return std::nullopt;
  if (peer.uid != 0 && peer.uid != ::geteuid()) return std::nullopt;
  return Asker{peer.pid, peer.uid, login_of(peer.pid)};
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

Bytes answer_to(ByteView question, const Asker& who, const ControlServer::Answer& answer) {
  auto value = decode(question);
  const Value* operation = value.ok() ? value->find("operation") : nullptr;
  if (operation == nullptr || operation->text() == nullptr)
    return encode(error_map({"malformed", "the question has no operation"}));
  auto answered = answer(*value, who);
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
  for (const Client& client : clients_) polled.push_back({client.socket.get(), POLLIN, 0});
}

void ControlServer::serve(const std::vector<pollfd>& polled, const Answer& answer) {
  const auto is_ready = [&polled](const Fd& fd) {
    return std::ranges::any_of(
        polled, [&fd](const pollfd& entry) { return entry.fd == fd.get() && entry.revents != 0; });
  };
  std::erase_if(clients_, [&](const Client& client) {
    const Fd& socket = client.socket;
    if (!is_ready(socket)) return false;
    if (const auto question = receive(socket, MSG_DONTWAIT)) {
      const Bytes bytes = answer_to(*question, client.who, answer);
      static_cast<void>(
          ::send(socket.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
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
    const auto who = asker_behind(client);
    if (!who) continue;
    if (clients_.size() >= limits::control_clients_max) clients_.erase(clients_.begin());
    clients_.push_back({std::move(client), *who});
  }
}

Result<Value> ask_agent(const std::string& state_directory, std::string_view operation,
                        Value::Map details) {
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
  details.emplace_back("operation", operation);
  const Bytes question = encode(std::move(details));
  if (::send(socket.get(), question.data(), question.size(), MSG_NOSIGNAL) < 0)
    return failed("send", errno);
  const auto bytes = receive(socket, 0);
  if (!bytes) return failed("receive", errno);
  auto answer = decode(*bytes);
  if (!answer.ok()) return answer;
  if (const Value* error = answer->find("error")) {
    const auto words = [&](std::string_view key) {
      const Value* value = answer->find(key);
      return value != nullptr && value->text() != nullptr ? *value->text() : std::string();
    };
    return Error{error->text() != nullptr ? *error->text() : "control_failed", words("detail"),
                 words("next")};
  }
  return answer;
}

}  // namespace reeve
