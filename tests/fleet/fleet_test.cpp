// Fleets from seeds. REEVE_TEST_SEED=N runs the one that failed and nothing else; REEVE_TEST_LONG
// runs new seeds for REEVE_TEST_MINUTES.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdlib>
#include <map>

#include "common/clock.h"
#include "tests/fleet/simulation.h"

namespace reeve::testing {
namespace {

std::optional<std::uint64_t> number_in(const char* variable) {
  const char* text = std::getenv(variable);
  if (text == nullptr || *text == '\0') return std::nullopt;
  return std::strtoull(text, nullptr, 10);
}

bool is_long() { return std::getenv("REEVE_TEST_LONG") != nullptr; }

void check_clean(const SimulationPlan& plan, const SimulationResult& result) {
  for (const std::string& finding : result.findings)
    FAIL_CHECK(fmt::format("seed {}: {}\n  again: tools/test --seed {} fleet", plan.seed, finding,
                           plan.seed));
}

void tell(const std::string& what, const SimulationResult& result) {
  std::string faults;
  for (const auto& [name, count] : result.faults) faults += fmt::format(", {} {}", count, name);
  MESSAGE(fmt::format(
      "{}: {} leaves, {} records, {} fixes, {} batches acknowledged, {} closed from an intent, {} "
      "within bounds, {} unclean stops, {} gaps, {} equivocations, {} checkpoints, {} segments "
      "trimmed; messages {} lost, {} doubled, {} out of order{}",
      what, result.leaves, result.counts.records, result.counts.fixes, result.counts.acknowledged,
      result.counts.resumed, result.counts.excused, result.counts.unclean_stops, result.counts.gaps,
      result.counts.equivocations, result.counts.checkpoints, result.counts.trimmed,
      result.network.lost, result.network.doubled, result.network.reordered, faults));
}

// Only what cuts power, under journal and store together.
SimulationPlan power_plan(std::uint64_t seed) {
  SimulationPlan plan;
  plan.seed = seed;
  plan.nodes = 2;
  plan.steps = 400;
  plan.node_power_cuts = 250;
  plan.controller_power_cuts = 250;
  plan.node_deaths = plan.node_stops = plan.node_disk_faults = 0;
  plan.controller_deaths = plan.controller_disk_faults = 0;
  plan.partitions = plan.clock_jumps = plan.forgeries = 0;
  return plan;
}

TEST_CASE("no power cut loses or doubles an acknowledged record, or loses what was synced") {
  const std::uint64_t wanted = is_long() ? 10'000 : 1'000;
  SimulationResult all;
  std::uint64_t cuts = 0;
  for (std::uint64_t seed = number_in("REEVE_TEST_SEED").value_or(1); cuts < wanted; ++seed) {
    const auto plan = power_plan(seed);
    const auto result = simulate(plan);
    check_clean(plan, result);
    if (!result.findings.empty() || number_in("REEVE_TEST_SEED")) return;
    cuts += result.faults.at("node power cut") + result.faults.at("controller power cut");
    for (const auto& [name, count] : result.faults) all.faults[name] += count;
    all.counts.fixes += result.counts.fixes;
    all.counts.acknowledged += result.counts.acknowledged;
    all.counts.records += result.counts.records;
    all.counts.checkpoints += result.counts.checkpoints;
    all.counts.trimmed += result.counts.trimmed;
    all.counts.unclean_stops += result.counts.unclean_stops;
    all.counts.excused += result.counts.excused;
    all.counts.resumed += result.counts.resumed;
    all.leaves += result.leaves;
  }
  tell(fmt::format("{} power cuts", cuts), all);
  CHECK(all.faults.at("node power cut") > wanted / 4);
  CHECK(all.faults.at("controller power cut") > wanted / 4);
  CHECK(all.counts.unclean_stops > wanted / 10);
  CHECK(all.counts.excused > 0);
  CHECK(all.counts.resumed > 0);
}

TEST_CASE("a fleet of 100 agents under faults of all sorts keeps whole accounts") {
  const auto only = number_in("REEVE_TEST_SEED");
  const std::int64_t begun = SystemClock().monotonic_ns();
  const std::int64_t share =
      static_cast<std::int64_t>(number_in("REEVE_TEST_MINUTES").value_or(30)) * 60'000'000'000 / 3;
  std::uint64_t seeds = 0;
  std::map<std::string, std::uint64_t> faults;  // of all seeds together
  for (std::uint64_t seed = only.value_or(1);; ++seed) {
    SimulationPlan plan;
    plan.seed = seed;
    const auto result = simulate(plan);
    check_clean(plan, result);
    ++seeds;
    if (seeds <= 3) tell(fmt::format("seed {}", seed), result);
    if (!result.findings.empty() || only) return;
    for (const auto& [name, count] : result.faults) faults[name] += count;
    CHECK(result.counts.checkpoints > plan.nodes);
    CHECK(result.counts.cosignatures > plan.nodes);
    CHECK(result.counts.published > 10);
    CHECK(result.counts.trimmed > plan.nodes / 10);
    const bool is_over = is_long() ? SystemClock().monotonic_ns() - begun > share : seeds == 2;
    if (is_over) break;
  }
  for (const char* fault :
       {"node power cut", "node death", "node stop", "node disk fault", "controller power cut",
        "controller death", "partition", "clock jump", "push", "sensor overflow"}) {
    CAPTURE(fault);
    CHECK(faults.contains(fault));
  }
  MESSAGE(seeds, " seeds of 100 agents");
}

TEST_CASE("the same seed gives the same ledger, and another seed another") {
  SimulationPlan plan;
  plan.seed = 77;
  plan.nodes = 20;
  plan.steps = 150;
  const auto once = simulate(plan);
  const auto again = simulate(plan);
  check_clean(plan, once);
  CHECK(once.leaves > 100);
  CHECK(once.leaves == again.leaves);
  CHECK(once.ledger == again.ledger);
  plan.seed = 78;
  CHECK(simulate(plan).ledger != once.ledger);
}

}  // namespace
}  // namespace reeve::testing
