#include "agent/courier/relay.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "agent/courier/courier_limits.h"

namespace reeve {
namespace {

constexpr std::int64_t ns_per_ms = 1'000'000;

// Between one and one and a half of it, so that hosts which lost one controller at one moment
// neither turn to the next address nor start again in step.
std::int64_t spread(std::int64_t ns) {
  const auto roll = ByteReader(random_bytes<8>().view()).u64();
  return ns + static_cast<std::int64_t>(roll % static_cast<std::uint64_t>(ns / 2 + 1));
}

}  // namespace

bool may_leave(ByteView message, RelayDuty duty) {
  const auto decoded = decode_message(message);
  if (!decoded) return false;
  switch (decoded->type) {
    case MessageType::heartbeat:
    case MessageType::batch:
    case MessageType::fetch:
    case MessageType::succession:
    case MessageType::rekey:
    case MessageType::certificate_held:
    case MessageType::checkpoint_held:
    case MessageType::cosignature:
      return duty == RelayDuty::node;
    case MessageType::enroll:
      return duty == RelayDuty::enrollment;
    case MessageType::acknowledgement:
    case MessageType::root:
    case MessageType::manifest:
    case MessageType::chunk:
    case MessageType::newest_succession:
    case MessageType::certificate:
    case MessageType::rekeyed:
    case MessageType::enroll_answer:
    case MessageType::act:
    case MessageType::witnesses:
    case MessageType::recovery:
    case MessageType::configure:
    case MessageType::link_state:
    case MessageType::configure_enrollment:
      return false;
  }
  return false;
}

bool may_enter(ByteView message, RelayDuty duty) {
  const auto decoded = decode_message(message);
  if (!decoded) return false;
  switch (decoded->type) {
    case MessageType::root:
    case MessageType::certificate:
      return true;
    case MessageType::acknowledgement:
    case MessageType::manifest:
    case MessageType::chunk:
    case MessageType::newest_succession:
    case MessageType::rekeyed:
    case MessageType::act:
    case MessageType::witnesses:
    case MessageType::recovery:
      return duty == RelayDuty::node;
    case MessageType::enroll_answer:
      return duty == RelayDuty::enrollment;
    case MessageType::heartbeat:
    case MessageType::batch:
    case MessageType::fetch:
    case MessageType::succession:
    case MessageType::enroll:
    case MessageType::rekey:
    case MessageType::certificate_held:
    case MessageType::checkpoint_held:
    case MessageType::cosignature:
    case MessageType::configure:
    case MessageType::link_state:
    case MessageType::configure_enrollment:
      return false;
  }
  return false;
}

Result<Relay> Relay::create(Fd agent, CourierConfig config, std::vector<std::string> addresses,
                            Isolation isolation, const RelayTimes& times, RelayDuty duty) {
  REEVE_ASSERT(!addresses.empty());
  Fd watch(epoll_create1(EPOLL_CLOEXEC));
  if (!watch.is_open()) return os_error("relay_failed", "epoll_create1", "courier", errno);
  epoll_event event{};
  if (epoll_ctl(watch.get(), EPOLL_CTL_ADD, agent.get(), &event) != 0) {
    return os_error("relay_failed", "epoll_ctl", "the agent's pair", errno);
  }
  return Relay(std::move(agent), std::move(watch), std::move(config), std::move(addresses),
               isolation, times, duty);
}

Relay::Relay(Fd agent, Fd watch, CourierConfig config, std::vector<std::string> addresses,
             Isolation isolation, const RelayTimes& times, RelayDuty duty)
    : agent_(std::move(agent)),
      watch_(std::move(watch)),
      config_(std::move(config)),
      addresses_(std::move(addresses)),
      isolation_(isolation),
      times_(times),
      duty_(duty) {}

RelayEnd Relay::run() {
  while (true) {
    if (const auto end = turn(times_.resolve_ns)) return *end;
  }
}

std::optional<RelayEnd> Relay::turn(std::int64_t timeout_ns) {
  const std::int64_t now = clock_.monotonic_ns();
  if (up()) {
    give_up_ns_.reset();
  } else {
    if (!give_up_ns_) note_loss(now);
    if (now >= *give_up_ns_) return RelayEnd::no_address_answers;
    choose_address(now);
    timeout_ns = std::min(timeout_ns, std::min(address_until_ns_, *give_up_ns_) - now);
  }
  tell_link_state();
  timeout_ns = std::min(timeout_ns, std::max<std::int64_t>(word_due_ns_ - now, 0));
  watch_agent();
  wait(timeout_ns);
  tell_link_state();
  carry_inward();
  carry_outward();
  if (agent_gone_) return RelayEnd::agent_gone;
  return std::nullopt;
}

// An address that has answered gets the first chance to do so again.
void Relay::note_loss(std::int64_t now) {
  give_up_ns_ = now + spread(times_.resolve_ns);
  if (client_) address_until_ns_ = now + spread(times_.address_ns);
}

// The client tries its address again by itself; with several addresses each has its time.
void Relay::choose_address(std::int64_t now) {
  if (now < address_until_ns_) return;
  address_until_ns_ = now + spread(times_.address_ns);
  if (client_ && addresses_.size() == 1) return;
  const auto& address = addresses_[next_address_++ % addresses_.size()];
  client_.reset();
  auto connected =
      ZmqClient::connect(address, config_.controller_key, config_.node_key, config_.node_secret);
  if (connected) client_ = std::move(*connected);  // else this address has its time unanswered
}

// Reads from the agent only what can be sent on; its end shows whatever is asked for.
void Relay::watch_agent() {
  epoll_event event{};
  if (up() && !outward_) event.events |= EPOLLIN;
  if (inward_) event.events |= EPOLLOUT;
  epoll_ctl(watch_.get(), EPOLL_CTL_MOD, agent_.get(), &event);
}

void Relay::wait(std::int64_t timeout_ns) {
  if (client_ && !inward_) {
    client_->wait(timeout_ns, watch_.get());
  } else {
    // While a message waits for the agent nothing more is received, and libzmq, which would
    // report what waits behind it again and again, is left alone.
    pollfd agent{watch_.get(), POLLIN, 0};
    poll(&agent, 1, static_cast<int>(std::max<std::int64_t>(timeout_ns, 0) / ns_per_ms + 1));
  }
  epoll_event event{};
  const bool ready = epoll_wait(watch_.get(), &event, 1, 0) == 1;
  if (ready && (event.events & (EPOLLHUP | EPOLLERR)) != 0) agent_gone_ = true;
}

// Also when it has not changed, now and then: the agent has a courier that is silent started anew.
void Relay::tell_link_state() {
  const std::int64_t now = clock_.monotonic_ns();
  if (inward_ || (told_up_ == up() && now < word_due_ns_)) return;
  told_up_ = up();
  word_due_ns_ = now + times_.word_ns;
  const std::array<std::uint8_t, 2> payload{static_cast<std::uint8_t>(up() ? 1 : 0),
                                            static_cast<std::uint8_t>(isolation_)};
  give_to_agent(encode_message(MessageType::link_state, payload));
}

void Relay::carry_inward() {
  if (inward_) give_to_agent(std::move(*inward_));
  for (std::size_t carried = 0; carried < limits::courier_burst_max; ++carried) {
    if (inward_ || !client_ || agent_gone_) return;
    auto message = client_->receive();
    if (!message) return;
    if (may_enter(*message, duty_)) give_to_agent(std::move(*message));
  }
}

void Relay::carry_outward() {
  for (std::size_t carried = 0; carried < limits::courier_burst_max; ++carried) {
    if (!up() || agent_gone_) return;
    if (!outward_) outward_ = take_from_agent();
    if (!outward_) return;
    if (may_leave(*outward_, duty_) && !client_->send(*outward_)) return;
    outward_.reset();
  }
}

void Relay::give_to_agent(Bytes message) {
  const ssize_t sent =
      send(agent_.get(), message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  inward_.reset();
  if (sent >= 0) return;
  if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS) {
    inward_ = std::move(message);
  } else {
    agent_gone_ = true;
  }
}

// Absent when nothing waits. A message beyond the bound is an empty one, which may not leave.
std::optional<Bytes> Relay::take_from_agent() {
  Bytes message(limits::message_bytes_max);
  const ssize_t got = recv(agent_.get(), message.data(), message.size(), MSG_DONTWAIT | MSG_TRUNC);
  if (got < 0) {
    agent_gone_ = agent_gone_ || (errno != EAGAIN && errno != EINTR);
    return std::nullopt;
  }
  const auto size = static_cast<std::size_t>(got);
  message.resize(size > message.size() ? 0 : size);
  return message;
}

}  // namespace reeve
