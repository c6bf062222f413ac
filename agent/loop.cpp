#include "agent/loop.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "agent/agent_limits.h"

namespace reeve {
namespace {

class Loop {
 public:
  explicit Loop(LoopParts& parts) : parts_(parts), freeze_(parts.clock) {}

  StopCause run() {
    while (true) {
      if (parts_.clock.monotonic_ns() >= step_due_) step();
      report_alive();
      notice_freeze();
      wait();
      notice_freeze();
      if (is_ready(parts_.signals)) return who_asks();
      if (launcher_is_gone()) return {};
      hear();
    }
  }

 private:
  void step() {
    freeze_.expect(parts_.clock.monotonic_ns());
    const std::int64_t due = parts_.agent.step();
    step_due_ = std::min(due, parts_.clock.monotonic_ns() + limits::loop_wait_ns_max);
    if (parts_.agent.wants_new_courier()) parts_.courier.connect(Fd());
    if (parts_.courier.fd() < 0) parts_.agent.courier_lost();
    if (parts_.agent.take_courier_wish()) parts_.launcher.ask_for_courier();
  }

  // Something was heard that the agent has to work on.
  void step_next() { step_due_ = INT64_MIN; }

  void wait() {
    polled_.clear();
    for (int fd : {parts_.signals, parts_.launcher.fd(), parts_.courier.fd()})
      polled_.push_back({fd, POLLIN, 0});  // poll(2) ignores negative descriptors
    for (const Sensor* sensor : parts_.sensors) polled_.push_back({sensor->fd(), POLLIN, 0});
    parts_.control.add_to(polled_);
    const std::int64_t now = parts_.clock.monotonic_ns();
    const bool is_due = step_due_ <= now || parts_.launcher.has_courier();
    const std::int64_t left = is_due ? 0 : step_due_ - now;
    freeze_.expect(now + left);
    const timespec timeout{left / 1'000'000'000, left % 1'000'000'000};
    if (::ppoll(polled_.data(), polled_.size(), &timeout, nullptr) >= 0) return;
    for (pollfd& entry : polled_) entry.revents = 0;
  }

  // Not in every round: each report wakes the launcher.
  void report_alive() {
    const std::int64_t now = parts_.clock.monotonic_ns();
    if (now < alive_due_) return;
    parts_.launcher.report_alive();
    alive_due_ = now + limits::alive_report_ns;
  }

  void notice_freeze() {
    const auto freeze = freeze_.look();
    if (!freeze) return;
    parts_.agent.froze(*freeze);
    step_next();
  }

  // The launcher stops us when it is asked to, and says by whom; others may signal us themselves.
  StopCause who_asks() {
    signalfd_siginfo info{};
    if (::read(parts_.signals, &info, sizeof info) != sizeof info) return {};
    if (auto told = parts_.launcher.receive_stop()) {
      return {told->signal, told->pid, told->uid, told->program};
    }
    return {static_cast<int>(info.ssi_signo), info.ssi_pid, info.ssi_uid, {}};
  }

  // Sensors first: a deviation is put right before anything is told of it. A sensor with nothing
  // to say (most looks for listeners find what the last one found) asks for no step.
  void hear() {
    auto ready = std::ranges::count_if(polled_, [](const pollfd& one) { return one.revents != 0; });
    for (std::size_t i = 0; i < parts_.sensors.size(); ++i) {
      if (!is_ready(parts_.sensors[i]->fd())) continue;
      --ready;
      if (parts_.agent.sensor_ready(i)) step_next();
    }
    if (ready > 0 || parts_.launcher.has_courier()) step_next();
    if (is_ready(parts_.launcher.fd()) || parts_.launcher.has_courier()) {
      if (auto courier = parts_.launcher.receive_courier()) {
        parts_.courier.connect(std::move(*courier));
        parts_.agent.courier_started();
      }
    }
    parts_.control.serve(polled_, [this](const Value& question, const Asker& who) {
      return parts_.agent.answer(question, who);
    });
  }

  bool is_ready(int fd) const {
    return fd >= 0 && std::ranges::any_of(polled_, [fd](const pollfd& entry) {
             return entry.fd == fd && entry.revents != 0;
           });
  }

  bool launcher_is_gone() const {
    return std::ranges::any_of(polled_, [this](const pollfd& entry) {
      return entry.fd == parts_.launcher.fd() && (entry.revents & (POLLHUP | POLLERR)) != 0;
    });
  }

  LoopParts& parts_;
  FreezeWatch freeze_;
  std::int64_t step_due_ = INT64_MIN;
  std::int64_t alive_due_ = INT64_MIN;
  std::vector<pollfd> polled_;
};

}  // namespace

StopCause run_loop(LoopParts parts) { return Loop(parts).run(); }

}  // namespace reeve
