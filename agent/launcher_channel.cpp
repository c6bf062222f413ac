// Both sides of the channel between launcher and deciding process: one byte upwards says "alive" or
// asks for a scratch child, one byte downwards carries the end of a new courier's pair or of a
// scratch child's stream (SCM_RIGHTS, unix(7)).
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "agent/launcher.h"
#include "agent/launcher_process.h"
#include "agent/netfilter/netfilter_limits.h"
#include "common/bytes.h"

namespace reeve {
namespace {

constexpr char alive = 'A';
constexpr char courier = 'C';
constexpr char scratch = 'S';  // upwards: I want one; downwards: here it is
constexpr char restart = 'R';  // upwards: the courier is stuck
constexpr char stop = 'T';     // downwards, with a StopRequest
constexpr std::size_t program_bytes_max = 256;
constexpr std::size_t stop_bytes = 1 + 4 + 4 + 4;

// Room for the one descriptor that a message carries, aligned as cmsg(3) asks.
struct Ancillary {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> bytes{};
};

msghdr header_for(iovec& body, Ancillary& ancillary) {
  msghdr message{};
  message.msg_iov = &body;
  message.msg_iovlen = 1;
  message.msg_control = ancillary.bytes.data();
  message.msg_controllen = ancillary.bytes.size();
  return message;
}

Fd descriptor_in(msghdr& message) {
  const cmsghdr* part = CMSG_FIRSTHDR(&message);
  if (part == nullptr || part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) {
    return Fd();
  }
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(part), sizeof fd);
  return Fd(fd);
}

struct Delivery {
  char kind = 0;
  Fd end;
  Bytes rest;  // behind the first byte
};

// Absent when nothing waits.
std::optional<Delivery> next_delivery(int socket) {
  while (true) {
    Delivery delivery;
    std::array<std::uint8_t, stop_bytes + program_bytes_max> bytes{};
    iovec body{bytes.data(), bytes.size()};
    Ancillary ancillary;
    msghdr message = header_for(body, ancillary);
    const ssize_t got = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return std::nullopt;
    delivery.kind = static_cast<char>(bytes[0]);
    delivery.rest.assign(bytes.begin() + 1, bytes.begin() + got);
    delivery.end = descriptor_in(message);
    return delivery;
  }
}

std::optional<StopRequest> read_stop(ByteView bytes) {
  ByteReader reader(bytes);
  StopRequest request;
  request.signal = static_cast<int>(reader.u32());
  request.pid = reader.u32();
  request.uid = reader.u32();
  if (!reader.ok()) return std::nullopt;
  request.program = text_of(reader.rest());
  return request;
}

bool send_end(int channel, char kind, const Fd& end) {
  iovec body{&kind, 1};
  Ancillary ancillary;
  msghdr message = header_for(body, ancillary);
  cmsghdr* part = CMSG_FIRSTHDR(&message);
  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SCM_RIGHTS;
  part->cmsg_len = CMSG_LEN(sizeof(int));
  const int fd = end.get();
  std::memcpy(CMSG_DATA(part), &fd, sizeof fd);
  return sendmsg(channel, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == 1;
}

}  // namespace

// A scratch child's end that comes here comes too late, and is closed.
void LauncherChannel::take_what_waits() {
  while (auto delivery = next_delivery(socket_.get())) {
    if (delivery->kind == courier && delivery->end.is_open()) courier_ = std::move(delivery->end);
    if (delivery->kind == stop) stop_ = read_stop(delivery->rest);
  }
}

std::optional<Fd> LauncherChannel::receive_courier() {
  take_what_waits();
  return std::exchange(courier_, std::nullopt);
}

std::optional<StopRequest> LauncherChannel::receive_stop() {
  take_what_waits();
  return std::exchange(stop_, std::nullopt);
}

void LauncherChannel::ask_for_courier() {
  static_cast<void>(::send(socket_.get(), &restart, 1, MSG_DONTWAIT | MSG_NOSIGNAL));
}

Result<Fd> LauncherChannel::ask_for_scratch() {
  // One of an earlier question that had been given up.
  courier_ = receive_courier();
  if (::send(socket_.get(), &scratch, 1, MSG_DONTWAIT | MSG_NOSIGNAL) != 1)
    return os_error("scratch_failed", "ask", "the launcher", errno);
  while (true) {
    pollfd ready{socket_.get(), POLLIN, 0};
    const int count = poll(&ready, 1, limits::scratch_start_ms);
    if (count < 0 && errno == EINTR) continue;
    auto delivery = count == 1 ? next_delivery(socket_.get()) : std::nullopt;
    if (!delivery) return Error{"scratch_failed", "the launcher makes no scratch namespace"};
    if (delivery->kind == stop) stop_ = read_stop(delivery->rest);
    if (!delivery->end.is_open()) continue;
    if (delivery->kind == scratch) return std::move(delivery->end);
    if (delivery->kind == courier) courier_ = std::move(delivery->end);
  }
}

void LauncherChannel::report_alive() {
  // A full queue means that many reports wait already; a dead launcher takes this process along.
  static_cast<void>(::send(socket_.get(), &alive, 1, MSG_DONTWAIT | MSG_NOSIGNAL));
}

Reports take_reports(int channel) {
  Reports reports;
  char report = 0;
  while (recv(channel, &report, 1, MSG_DONTWAIT) > 0) {
    if (report == alive) reports.is_alive = true;
    if (report == scratch) reports.wants_scratch = true;
    if (report == restart) reports.wants_courier = true;
  }
  return reports;
}

bool send_courier(int channel, const Fd& end) { return send_end(channel, courier, end); }
void send_stop(int channel, const StopRequest& request) {
  Bytes bytes{static_cast<std::uint8_t>(stop)};
  append_u32(bytes, static_cast<std::uint32_t>(request.signal));
  append_u32(bytes, static_cast<std::uint32_t>(request.pid));
  append_u32(bytes, static_cast<std::uint32_t>(request.uid));
  append(bytes, bytes_of(std::string_view(request.program).substr(0, program_bytes_max)));
  static_cast<void>(::send(channel, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
}

bool send_scratch(int channel, const Fd& end) { return send_end(channel, scratch, end); }

}  // namespace reeve
