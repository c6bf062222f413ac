#include "tests/bench/rig.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>
#include <stdexcept>

namespace reeve::bench {
namespace {

constexpr std::int64_t patience_ns = 10'000'000'000;
constexpr std::int64_t look_interval_ns = 200'000;

void sleep_ns(std::int64_t ns) {
  const timespec time{ns / 1'000'000'000, ns % 1'000'000'000};
  clock_nanosleep(CLOCK_MONOTONIC, 0, &time, nullptr);
}

FloorPage* shared_page() {
  void* memory =
      mmap(nullptr, sizeof(FloorPage), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) fail("map a shared page");
  return ::new (memory) FloorPage();
}

}  // namespace

std::int64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

void fail(const std::string& what) {
  throw std::runtime_error(fmt::format("{}: {}", what, std::strerror(errno)));
}

FloorProcess::FloorProcess(const std::function<void(FloorPage&)>& run)
    : page_(shared_page()), pid_(fork()) {
  if (pid_ < 0) fail("start the floor's process");
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    try {
      run(*page_);
    } catch (const std::exception& error) {
      fmt::print(stderr, "reeve-bench: the floor: {}\n", error.what());
    }
    _exit(1);
  }
  const std::int64_t until = now_ns() + patience_ns;
  while (!page_->is_ready) {
    if (now_ns() > until || waitpid(pid_, nullptr, WNOHANG) != 0)
      throw std::runtime_error("the floor did not start");
    sleep_ns(1'000'000);
  }
}

FloorProcess::~FloorProcess() {
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  munmap(page_, sizeof(FloorPage));
}

void run_trials(const Plan& plan, Trials& trials, FloorProcess& floor) {
  Pauses pauses;
  std::string lines;
  for (std::size_t i = 0; i < plan.trials; ++i) {
    show_progress(plan.name, i, plan.trials);
    pauses.wait(plan.pause_ns_min, plan.pause_ns_max);
    const Half product = trials.product(i);
    pauses.wait(plan.pause_ns_min, plan.pause_ns_max);
    std::atomic<std::int64_t>& verified = floor.page().verified_ns;
    verified = 0;
    const Half bare = trials.floor(i);
    Half stamp{.broken_ns = bare.broken_ns};
    look_until("the floor's stamp", stamp, [&verified] { return verified != 0; });
    lines += fmt::format(
        "{{\"object\":\"{}\",\"broken\":{},\"still_broken\":{},\"restored\":{},"
        "\"floor_broken\":{},\"floor_still_broken\":{},\"floor_restored\":{},"
        "\"floor_verified\":{}}}\n",
        trials.object(i), product.broken_ns, product.still_broken_ns, product.restored_ns,
        bare.broken_ns, bare.still_broken_ns, bare.restored_ns, verified.load());
  }
  show_progress(plan.name, plan.trials, plan.trials);
  // At the end, so that whoever reads them does not wake in the middle of a trial.
  if (std::fputs(lines.c_str(), stdout) < 0 || std::fflush(stdout) != 0) fail("write the trials");
}

void look_until(const char* what, Half& half, const std::function<bool()>& holds) {
  half.still_broken_ns = half.broken_ns;
  while (true) {
    sleep_ns(look_interval_ns);
    const std::int64_t now = now_ns();
    if (holds()) break;
    half.still_broken_ns = now;
    if (now - half.broken_ns > patience_ns)
      throw std::runtime_error(fmt::format("{}: not within 10 s", what));
  }
  half.restored_ns = now_ns();
}

void Pauses::wait(std::int64_t ns_min, std::int64_t ns_max) {
  sleep_ns(std::uniform_int_distribution<std::int64_t>(ns_min, ns_max)(dice_));
}

void show_progress(const std::string& name, std::size_t done, std::size_t of) {
  static const bool is_terminal = isatty(STDERR_FILENO) == 1;
  if (!is_terminal || (done % 25 != 0 && done != of)) return;
  fmt::print(stderr, "\r  {}: {} of {}{}", name, done, of, done == of ? "\r\033[K" : "");
  std::fflush(stderr);
}

}  // namespace reeve::bench
