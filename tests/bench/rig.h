// What the parts of the bench's rig share: the clock, pauses between trials, the process that a
// floor runs in, and the lines that a run leaves on stdout. A trial is two halves, the product's
// and the floor's, taken in turn. Nothing here is part of the product, and the product does not
// know that it is measured.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "common/fd.h"

namespace reeve::bench {

std::int64_t now_ns();  // CLOCK_MONOTONIC, as in receipts
// Throws std::runtime_error with the words of errno.
[[noreturn]] void fail(const std::string& what);

// Shared with the floor's process.
struct FloorPage {
  std::atomic<bool> is_ready;
  std::atomic<std::int64_t> verified_ns;  // when it had read its own repair back; 0 before
};

// A child that runs a floor until it is destroyed. It is ready when the constructor returns.
class FloorProcess {
 public:
  explicit FloorProcess(const std::function<void(FloorPage&)>& run);
  FloorProcess(const FloorProcess&) = delete;
  ~FloorProcess();
  FloorPage& page() { return *page_; }

 private:
  FloorPage* page_;
  int pid_;
};

// When something was broken; when the rig's own looks last found it so, and first found it
// restored.
struct Half {
  std::int64_t broken_ns = 0;
  std::int64_t still_broken_ns = 0;
  std::int64_t restored_ns = 0;
};

// One kind of deviation. The product's verified stamp is in its receipt; the floor's on its page.
class Trials {
 public:
  virtual ~Trials() = default;
  virtual std::string object(std::size_t trial) const = 0;  // as the receipt spells it
  virtual Half product(std::size_t trial) = 0;
  virtual Half floor(std::size_t trial) = 0;
};

struct Plan {
  std::string name;
  std::size_t trials = 0;
  // Uniformly between these before each half, so that what the one before left to do (a commit, a
  // message) is over and nothing keeps step with a timer.
  std::int64_t pause_ns_min = 10'000'000;
  std::int64_t pause_ns_max = 20'000'000;
};

// Prints one line of JSON a trial: object; broken, still_broken and restored of the product; the
// same and verified of the floor, with floor_ before; all in nanoseconds of CLOCK_MONOTONIC.
void run_trials(const Plan& plan, Trials& trials, FloorProcess& floor);

// Looks until `holds`, every 200 microseconds after as long a pause: a rig that looked without
// pauses would keep the processor on which the kernel means to run whoever it has just woken. Fails
// after ten seconds.
void look_until(const char* what, Half& half, const std::function<bool()>& holds);

// Uniformly random sleeps.
class Pauses {
 public:
  void wait(std::int64_t ns_min, std::int64_t ns_max);

 private:
  std::mt19937_64 dice_{1};
};

// On stderr, where that is a terminal.
void show_progress(const std::string& name, std::size_t done, std::size_t of);

// The rig's commands; what each takes is in main.cpp.
void time_files(const std::string& tree, const std::string& floor_tree, std::size_t trials);
void time_firewall(const std::string& table, const std::string& body, std::size_t trials);
void time_ports(std::size_t trials);
void time_sweeps(const std::string& bundle, const std::string& tree, std::size_t rounds);

}  // namespace reeve::bench
