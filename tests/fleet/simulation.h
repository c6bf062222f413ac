// A whole fleet in one process from one seed: a controller and many agents on fakes, with faults of
// all sorts, watched by a witness after every step. The same plan gives the same ledger, to the
// last bit.
#pragma once

#include "tests/fleet/seeded_randomness.h"
#include "tests/fleet/simulated_controller.h"
#include "tests/fleet/simulated_node.h"

namespace reeve::testing {

struct SimulationPlan {
  std::uint64_t seed = 1;
  std::size_t nodes = 100;
  std::size_t steps = 400;
  // How often each happens, in a thousand steps; of nodes: to one of them.
  std::uint64_t deviations = 900;
  std::uint64_t node_power_cuts = 60;
  std::uint64_t node_deaths = 60;
  std::uint64_t node_stops = 30;
  std::uint64_t node_disk_faults = 40;
  std::uint64_t controller_power_cuts = 20;
  std::uint64_t controller_deaths = 20;
  std::uint64_t controller_disk_faults = 10;
  std::uint64_t partitions = 40;
  std::uint64_t clock_jumps = 20;
  std::uint64_t pushes = 20;
  std::uint64_t overflows = 20;
  std::uint64_t forgeries = 10;
  LossyNetwork::Weather weather{50, 30, 300, 2'000'000'000};
};

struct SimulationResult {
  std::vector<std::string> findings;
  Digest ledger;  // root of the tree
  std::uint64_t leaves = 0;
  Witness::Counts counts;
  LossyNetwork::Counts network;
  // What really happened, by the name of the fault.
  std::map<std::string, std::uint64_t> faults;
};

SimulationResult simulate(const SimulationPlan& plan);

}  // namespace reeve::testing
