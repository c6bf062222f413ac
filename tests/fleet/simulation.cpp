#include "tests/fleet/simulation.h"

#include <fmt/format.h>

#include <cerrno>

#include "agent/agent_limits.h"
#include "common/limits.h"

namespace reeve::testing {
namespace {

constexpr std::int64_t ms = 1'000'000;
// How long a fleet in good weather may take until all is in the ledger: two time-outs of an
// acknowledgement for every batch that may be on its way, many times over.
constexpr std::size_t drain_steps_max = 4'000;

class Simulation {
 public:
  explicit Simulation(const SimulationPlan& plan)
      : plan_(plan),
        dice_{plan.seed},
        network_(clock_, dice_.roll()),
        controller_(fleet_, clock_, network_, witness_) {
    for (std::size_t i = 0; i < plan.nodes; ++i)
      nodes_.push_back(
          std::make_unique<SimulatedNode>(fleet_, i, network_, witness_, simulated_files()));
  }

  SimulationResult run() {
    begin();
    network_.set_weather(plan_.weather);
    for (std::size_t i = 0; i < plan_.steps && witness_.findings().empty(); ++i) {
      disturb();
      advance();
      everybody();
    }
    recover();
    drain();
    judge();
    return {witness_.findings(),
            controller_.is_up() ? controller_.tree_root() : Digest{},
            controller_.is_up() ? controller_.tree_size() : 0,
            witness_.counts(),
            network_.counts(),
            faults_};
  }

 private:
  void begin() {
    if (!controller_.start()) return witness_.find("the controller does not start");
    for (auto& node : nodes_)
      if (!controller_.enroll(node->certificate())) witness_.find("a node is not enrolled");
    std::vector<NodeId> ids;
    for (auto& node : nodes_) ids.push_back(node->id());
    if (!controller_.set_witnesses(ids)) witness_.find("the witness set is refused");
    publish();
    for (auto& node : nodes_)
      if (!node->start()) witness_.find("a node does not start");
  }

  // Whoever pushes asks first what is published: the answer to the last push may have been lost.
  void notice_published() {
    if (controller_.published() == version_ + 1) is_published();
  }

  void is_published() {
    ++version_;
    mode_ = version_ % 2 == 1 ? 0600 : 0640;
  }

  void publish() {
    notice_published();
    const std::string mode = version_ % 2 == 0 ? "0600" : "0640";
    if (controller_.publish(version_ + 1, simulated_rules(mode))) is_published();
  }

  SimulatedNode& any() { return *nodes_[dice_.below(nodes_.size())]; }
  bool happens(std::uint64_t per_thousand) { return dice_.is_hit(per_thousand); }
  void count(const std::string& fault) { ++faults_[fault]; }

  void disturb() {
    const std::size_t rounds = 1 + nodes_.size() / 10;
    for (std::size_t i = 0; i < rounds; ++i) {
      if (happens(plan_.deviations)) deviate();
      disturb_node();
    }
    disturb_controller();
    if (happens(plan_.pushes)) {
      count("push");
      publish();
    }
  }

  void deviate() {
    count("deviation");
    const auto files = simulated_files();
    const auto& path = files[dice_.below(files.size())];
    const auto mode = static_cast<std::uint32_t>(0644 + dice_.below(2));
    any().deviate(path, mode,
                  happens(50) ? SimulatedNode::Notice::missed : SimulatedNode::Notice::seen);
  }

  // A node whose power is to go does so some calls of its disk later, within a step or not.
  void disturb_node() {
    SimulatedNode& node = any();
    if (happens(plan_.node_power_cuts) && node.is_up()) {
      node.disk().cut_power_after(dice_.below(12));
      doomed_.emplace(&node, Doom::power_cut);
    }
    if (happens(plan_.node_deaths) && node.is_up()) {
      node.disk().cut_power_after(dice_.below(12));
      doomed_.emplace(&node, Doom::death);
    }
    if (happens(plan_.node_stops) && node.is_up() && !doomed_.contains(&node)) {
      count("node stop");
      node.stop();
    }
    if (happens(plan_.node_disk_faults)) fail(node.disk(), "node disk fault");
    if (happens(plan_.partitions)) {
      count("partition");
      node.set_link(false);
      cut_until_[&node] = clock_.monotonic_ns() + spread(120'000);
    }
    if (happens(plan_.clock_jumps)) {
      count("clock jump");
      node.jump_clock((happens(500) ? 1 : -1) * spread(20'000'000));
    }
    if (happens(plan_.overflows)) {
      count("sensor overflow");
      node.overflow_sensor();
    }
    if (happens(plan_.forgeries)) node.send_forgery();
  }

  void disturb_controller() {
    if (!controller_.is_up()) return;
    if (happens(plan_.controller_power_cuts)) {
      controller_.disk().cut_power_after(dice_.below(40));
      controller_doom_ = Doom::power_cut;
    }
    if (happens(plan_.controller_deaths)) {
      controller_.disk().cut_power_after(dice_.below(40));
      controller_doom_ = Doom::death;
    }
    if (happens(plan_.controller_disk_faults)) fail(controller_.disk(), "controller disk fault");
  }

  void fail(CrashDisk& disk, const std::string& name) {
    constexpr std::array calls{CrashDisk::Call::append, CrashDisk::Call::sync,
                               CrashDisk::Call::sync_directory, CrashDisk::Call::rename};
    disk.fail(calls[dice_.below(calls.size())], 1 + dice_.below(5), happens(500) ? ENOSPC : EIO,
              1 + dice_.below(20));
    count(name);
  }

  std::int64_t spread(std::uint64_t ms_max) {
    return static_cast<std::int64_t>(1 + dice_.below(ms_max)) * ms;
  }

  // Mostly within a window of group commit, at times beyond every time-out.
  void advance() {
    constexpr std::array<std::uint64_t, 8> steps_ms{1, 1, 1, 3, 3, 20, 1'000, 15'000};
    move(spread(steps_ms[dice_.below(steps_ms.size())]));
  }

  void move(std::int64_t ns) {
    clock_.advance(ns);
    for (auto& node : nodes_) node->clock().advance(ns);
  }

  void everybody() {
    for (auto& node : nodes_) {
      if (!node->is_up() && happens(200)) node->start();
      node->step();
      end_doomed(*node);
      const auto cut = cut_until_.find(node.get());
      if (cut != cut_until_.end() && clock_.monotonic_ns() >= cut->second) {
        node->set_link(true);
        cut_until_.erase(cut);
      }
    }
    if (!controller_.is_up() && happens(300)) controller_.start();
    controller_.step();
    end_doomed_controller();
  }

  enum class Doom { power_cut, death };

  void end_doomed(SimulatedNode& node) {
    const auto doom = doomed_.find(&node);
    if (doom == doomed_.end() || !node.disk().power_is_cut()) return;
    if (doom->second == Doom::power_cut) {
      count("node power cut");
      node.lose_power(dice_.roll());
    } else {
      count("node death");
      node.die();
    }
    doomed_.erase(doom);
  }

  void end_doomed_controller() {
    if (!controller_doom_ || !controller_.disk().power_is_cut()) return;
    if (*controller_doom_ == Doom::power_cut) {
      count("controller power cut");
      controller_.lose_power(dice_.roll());
    } else {
      count("controller death");
      controller_.die();
    }
    controller_doom_.reset();
  }

  // Everything works again from here on.
  void recover() {
    network_.set_weather({});
    for (auto& node : nodes_) {
      if (doomed_.contains(node.get())) node->disk().cut_power_after(0);
      end_doomed(*node);
      node->disk().heal();
      node->set_link(true);
    }
    if (controller_doom_) controller_.disk().cut_power_after(0);
    end_doomed_controller();
    controller_.disk().heal();
  }

  bool is_drained() const {
    return controller_.is_up() &&
           std::ranges::all_of(nodes_, [&](const auto& node) { return node->is_drained(); });
  }

  void drain() {
    // A sweep finds what sensors missed; it is due within eleven minutes.
    for (std::size_t i = 0; i < 700 && witness_.findings().empty(); ++i) settle(1'000 * ms);
    for (std::size_t i = 0; i < drain_steps_max && !is_drained(); ++i) {
      if (!witness_.findings().empty()) return;
      settle(100 * ms);
    }
    for (const auto& node : nodes_) {
      if (!node->is_drained()) witness_.find("not everything sealed came to be in the ledger");
    }
  }

  void settle(std::int64_t ns) {
    move(ns);
    for (auto& node : nodes_) {
      if (!node->is_up()) node->start();
      node->step();
    }
    if (!controller_.is_up()) controller_.start();
    controller_.step();
  }

  void judge() {
    if (!witness_.findings().empty()) return;  // the first ones are the ones to look at
    notice_published();
    witness_.judge_successions();
    witness_.judge_fixes();
    const std::string wrong = controller_.audited();
    if (!wrong.empty()) witness_.find("an audit of the ledger finds " + wrong);
    for (const auto& node : nodes_) {
      judge_host(*node);
      judge_flags(*node);
    }
  }

  void judge_host(SimulatedNode& node) {
    if (node.agent().policy_store().version() != version_)
      witness_.find(fmt::format("a node is at policy version {}, not {}",
                                node.agent().policy_store().version(), version_));
    for (const std::string& path : simulated_files())
      if (node.mode_of(path) != mode_)
        witness_.find(fmt::format("{} is left at {:o}", path, node.mode_of(path)));
  }

  void judge_flags(const SimulatedNode& node) {
    const Node* known = controller_.node(node.id());
    if (known == nullptr) return witness_.find("the registry forgot a node");
    // A start that a refusing disk keeps from its newest epoch names an older one, as a restored
    // snapshot would: docs/reliability.md names that limit.
    const auto fork = static_cast<std::uint32_t>(NodeFlag::fork);
    const bool is_flagged =
        (faults_.contains("node disk fault") ? known->flags & ~fork : known->flags) != 0;
    if (is_flagged && !witness_.has_forgery_of(node.id()))
      witness_.find("an honest node is flagged " + std::string(known->flag_names().front()));
    if (!is_flagged && witness_.has_kept_forgery_of(node.id()))
      witness_.find("a second story under one identity was not flagged");
  }

  SimulationPlan plan_;
  Dice dice_;
  SeededRandomness randomness_{dice_.roll()};
  FakeClock clock_;
  Witness witness_;
  TestFleet fleet_;
  LossyNetwork network_;
  SimulatedController controller_;
  std::vector<std::unique_ptr<SimulatedNode>> nodes_;
  std::map<SimulatedNode*, Doom> doomed_;  // nobody goes through it in order
  std::map<SimulatedNode*, std::int64_t> cut_until_;
  std::optional<Doom> controller_doom_;
  std::map<std::string, std::uint64_t> faults_;
  std::uint64_t version_ = 0;
  std::uint32_t mode_ = 0;
};

}  // namespace

SimulationResult simulate(const SimulationPlan& plan) { return Simulation(plan).run(); }

}  // namespace reeve::testing
